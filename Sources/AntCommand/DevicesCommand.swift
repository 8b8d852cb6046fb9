import AntDevices
import AntFiles
import ArgumentParser

/// `antlm devices`
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "Lists the devices this machine has, best first.",
    discussion: "Example: antlm devices --json")

  @Flag(help: "One JSON object a device.")
  var json = false

  func run() throws {
    let found = Devices.find()
    let devices = found.devices
    if json {
      for device in devices {
        var object = JSONObject()
        object.set("device", device.identifier)
        object.set("name", device.name)
        object.set("kind", device.kind.rawValue)
        object.set("vendor", device.vendor)
        object.set("driver", device.driver)
        object.set("memoryBytes", device.memory)
        object.set("computeUnits", device.computeUnits)
        emit(object)
      }
      return
    }
    var rows = [["device", "kind", "memory", "units", "name", "driver"]]
    for device in devices {
      rows.append([
        device.identifier, device.kind.rawValue, "\(device.memory / 1_048_576) MiB", "\(device.computeUnits)",
        device.name, device.driver,
      ])
    }
    emit(table(rows))
    for note in found.notes { warn(note) }
  }
}

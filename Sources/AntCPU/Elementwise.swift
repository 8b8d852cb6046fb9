import AntDevice

/// Memory traffic and nothing else.
extension CPUDevice {
  public func elementwise(_ operation: Fill) {
    guard operation.output.count > 0 else { return }
    command("fill", floats: operation.output.count) {
      let y = operation.output.floats
      parallel.overElements(operation.output.count) { range in
        (y + range.lowerBound).update(repeating: operation.value, count: range.count)
      }
    }
  }

  public func elementwise(_ operation: Copy) {
    let (input, output) = (operation.input, operation.output)
    guard input.count > 0 else { return }
    command("copy", floats: 2 * input.count) {
      let (x, y) = (input.floats, output.floats)
      parallel.overRows(input.rows, columns: input.columns) { rows in
        for row in rows {
          (y + row * output.stride).update(from: x + row * input.stride, count: input.columns)
        }
      }
    }
  }

  public func elementwise(_ operation: Add) {
    guard operation.count > 0 else { return }
    command("add", floats: 3 * operation.count) {
      let (a, b, y) = (operation.a.floats, operation.b.floats, operation.output.floats)
      parallel.overElements(operation.count) { range in
        let (a, b, y) = (a + range.lowerBound, b + range.lowerBound, y + range.lowerBound)
        forEachLanes(range.count) { start, count in
          storeLanes(loadLanes(a + start, count) + loadLanes(b + start, count), y + start, count)
        }
      }
    }
  }

  public func elementwise(_ operation: Scale) {
    guard operation.count > 0 else { return }
    command("scale", floats: 2 * operation.count) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      parallel.overElements(operation.count) { range in
        let (x, y) = (x + range.lowerBound, y + range.lowerBound)
        forEachLanes(range.count) { start, count in
          storeLanes(operation.factor * loadLanes(x + start, count), y + start, count)
        }
      }
    }
  }

  public func elementwise(_ operation: Blend) {
    guard operation.count > 0 else { return }
    command("blend", floats: 3 * operation.count) {
      let (x, y) = (operation.input.floats, operation.output.floats)
      parallel.overElements(operation.count) { range in
        let (x, y) = (x + range.lowerBound, y + range.lowerBound)
        forEachLanes(range.count) { start, count in
          let old = loadLanes(y + start, count)
          storeLanes(old + operation.weight * (loadLanes(x + start, count) - old), y + start, count)
        }
      }
    }
  }

  public func elementwise(_ operation: Exchange) {
    guard operation.count > 0 else { return }
    command("exchange", floats: 4 * operation.count) {
      let (a, b) = (operation.a.floats, operation.b.floats)
      parallel.overElements(operation.count) { range in
        let (a, b) = (a + range.lowerBound, b + range.lowerBound)
        forEachLanes(range.count) { start, count in
          let was = loadLanes(a + start, count)
          storeLanes(loadLanes(b + start, count), a + start, count)
          storeLanes(was, b + start, count)
        }
      }
    }
  }
}

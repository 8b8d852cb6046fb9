import AntFiles
import AntTestSupport
import Foundation
import Testing

@testable import AntTraining

@Suite struct EventFileTests {
  /// One event, as a reader that knows no more than the protobuf and TFRecord specifications finds it.
  private struct Event: Equatable {
    var seconds = 0.0
    var step: UInt64 = 0
    var version: String?
    var scalars: [String: Float] = [:]
  }

  /// The checksum bit by bit, as polynomial division.
  private static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var rest: UInt32 = 0xffff_ffff
    for byte in bytes {
      for bit in 0..<8 {
        let top = (rest >> 31) ^ UInt32(byte >> bit & 1)
        rest = rest << 1 ^ (top == 1 ? 0x1edc_6f41 : 0)
      }
    }
    return ~(0..<32).reduce(UInt32(0)) { $0 | (rest >> $1 & 1) << (31 - $1) }
  }

  private static func masked(_ value: UInt32) -> UInt32 { (value >> 15 | value << 17) &+ 0xa282_ead8 }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The fields of a message: number and contents, numbers of 1, 4 and 8 bytes as they are.
  private static func fields(_ message: ArraySlice<UInt8>) throws -> [(UInt64, ArraySlice<UInt8>)] {
    var rest = message
    func variable() throws -> UInt64 {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while true {
        guard let byte = rest.popFirst() else { throw CocoaError(.coderReadCorrupt) }
        value |= UInt64(byte & 0x7f) << shift
        shift += 7
        if byte < 0x80 { return value }
      }
    }
    var fields: [(UInt64, ArraySlice<UInt8>)] = []
    while !rest.isEmpty {
      let key = try variable()
      let contents: ArraySlice<UInt8>
      switch key & 7 {
      case 0:
        let value = try variable()
        contents = (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }[...]
      case 1: contents = rest.prefix(8)
      case 2:
        let count = Int(try variable())
        contents = rest.prefix(count)
      case 5: contents = rest.prefix(4)
      default: throw CocoaError(.coderInvalidValue)
      }
      if key & 7 != 0 { rest = rest.dropFirst(contents.count) }
      fields.append((key >> 3, contents))
    }
    return fields
  }

  private static func events(_ data: Data) throws -> [Event] {
    var rest = Array(data)[...]
    var events: [Event] = []
    while !rest.isEmpty {
      let length = rest.prefix(8)
      try #require(number(rest.dropFirst(8).prefix(4)) == UInt64(masked(checksum(length))))
      let body = rest.dropFirst(12).prefix(Int(number(length)))
      try #require(
        number(rest.dropFirst(12 + body.count).prefix(4)) == UInt64(masked(checksum(body))))
      rest = rest.dropFirst(16 + body.count)
      var event = Event()
      for (field, contents) in try fields(body) {
        switch field {
        case 1: event.seconds = Double(bitPattern: number(contents))
        case 2: event.step = number(contents)
        case 3: event.version = String(decoding: contents, as: UTF8.self)
        case 5:
          for (_, value) in try fields(contents) {
            let parts = try fields(value)
            let tag = String(decoding: parts[0].1, as: UTF8.self)
            event.scalars[tag] = Float(bitPattern: UInt32(number(parts[1].1)))
          }
        default: Issue.record("field \(field)")
        }
      }
      events.append(event)
    }
    return events
  }

  private func file(_ run: RunDirectory) throws -> URL {
    let names = try FileSystem.names(in: run.tensorboard)
    try #require(names.count == 1, "\(names)")
    #expect(names[0].hasPrefix("events.out.tfevents."))
    return run.tensorboard.appending(path: names[0])
  }

  private func read(_ run: RunDirectory) throws -> [Event] { try Self.events(Data(contentsOf: file(run))) }

  /// RFC 3720, B.4, and the check value of the catalogues.
  @Test func knownChecksums() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xe306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.of([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
    #expect(CRC32C.of(Array(0..<32)) == 0x46dd_794e)
    #expect(CRC32C.of(Array((0..<32).reversed())) == 0x113f_db5c)
    #expect(CRC32C.of([]) == 0)
    #expect(Self.checksum(Array("123456789".utf8)) == 0xe306_9283)
  }

  /// Framing and messages byte by byte: long tags, large steps.
  @Test func recordsAreWhatTheFormatSays() throws {
    let tag = String(repeating: "loss/", count: 60)
    let record = EventRecord.scalars(
      [(tag, 1.5), ("é", -0.1)], step: 1 << 40, seconds: 1_700_000_000.25)
    let first = EventRecord.fileVersion(seconds: 3)
    #expect(
      try Self.events(Data(first + record)) == [
        Event(seconds: 3, version: "brain.Event:2"),
        Event(seconds: 1_700_000_000.25, step: 1 << 40, scalars: [tag: 1.5, "é": -0.1]),
      ])
  }

  /// Every line of the log is one event with the same values.
  @Test func aRunCanBeReadBack() throws {
    let tiny = try TinyRun()
    var configuration = tiny.configuration()
    configuration.evaluateFirst = true
    let before = Date.now.timeIntervalSince1970
    _ = try tiny.start("run", configuration).train()
    let run = try tiny.run("run")
    let lines = try StepMetrics.read(run.metrics)
    let events = try read(run)
    try #require(events.count == lines.count + 1 && lines.count > 20)
    #expect(events[0].version == "brain.Event:2" && events[0].seconds >= before.rounded(.down) - 1)
    for (line, event) in zip(lines, events.dropFirst()) {
      var expected = ["loss/\(line.objective!)": line.loss]
      for (name, loss) in line.devLosses { expected["dev/\(name)"] = Float(loss) }
      expected["learning_rate"] = line.learningRate
      expected["gradient_norm"] = line.gradientNorm
      expected["tokens_per_second"] = line.tokensPerSecond.map { Float($0) }
      #expect(event.scalars == expected.compactMapValues { $0 } && event.step == UInt64(line.step))
      #expect(event.seconds == events[0].seconds + line.secondsElapsed!)
    }
    #expect(
      Set(events.flatMap(\.scalars.keys)).isSuperset(of: ["loss/CLM", "loss/MLM", "dev/CLM", "dev/MLM"]))
  }

  /// A board without a battery stands before 1970: its run has one file, before and after its clock was set.
  @Test func aClockMayBeWrong() throws {
    let scratch = Scratch()
    let metrics = URL(filePath: try scratch.write("{\"step\":1,\"secondsElapsed\":5}\n", to: "metrics.jsonl"))
    for seconds in [-18_489_600, 3, 1_700_000_000.0] {
      _ = try EventFile(in: scratch.url, metrics: metrics, now: Date(timeIntervalSince1970: seconds))
      let names = try FileSystem.names(in: scratch.url).filter { $0.hasPrefix("events") }
      #expect(names == ["events.out.tfevents.0.antlm"])
    }
  }

  /// What a clock that is set back takes away is no time.
  @Test func noDurationIsNegative() {
    #expect(Duration.seconds(-5).seconds == 0 && Duration.milliseconds(1500).seconds == 1.5)
  }

  /// Stopped, its file torn or lost or longer than the checkpoint: taken up, a run has the events of one that
  /// never stopped, and a file name of its own that stays.
  @Test func aRunTakenUpHasTheSameEvents() throws {
    let tiny = try TinyRun()
    _ = try tiny.start("whole").train()
    func scalars(_ name: String) throws -> [[String: Float]] {
      try read(tiny.run(name)).map { $0.scalars.filter { $0.key != "tokens_per_second" } }
    }
    let whole = try scalars("whole")
    for (name, spoil) in [
      ("as it is", { _ in }), ("torn", { try Data(contentsOf: $0).dropLast(7).write(to: $0) }),
      ("longer", { try (Data(contentsOf: $0) + Data(repeating: 7, count: 900)).write(to: $0) }),
      ("empty", { try Data().write(to: $0) }),
    ] as [(String, (URL) throws -> Void)] {
      do {
        let first = try tiny.start(name)
        #expect(try first.train(until: { first.step >= 8 }) == .stopped(step: 8))
      }
      let left = try file(tiny.run(name))
      try spoil(left)
      let resumed = try tiny.resume(name)
      #expect(try file(tiny.run(name)) == left)
      #expect(try resumed.train() == .finished)
      #expect(try scalars(name) == whole, "\(name)")
    }
    // Without a file the run began as long ago as it has trained.
    let run = try tiny.run("whole")
    let trained = try #require(StepMetrics.read(run.metrics).last?.secondsElapsed)
    try FileSystem.remove(run.tensorboard)
    let again = try tiny.resume("whole")
    #expect(try scalars("whole") == whole)
    let age = Date.now.timeIntervalSince1970 - (try read(run)[0].seconds)
    #expect(age >= trained && age < trained + 60)
    withExtendedLifetime(again) {}
  }

  @Test func aFolderThatCannotBeWrittenIsNamed() throws {
    let tiny = try TinyRun()
    do {
      let first = try tiny.start("run")
      _ = try first.train(until: { first.step >= 3 })
    }
    let run = try tiny.run("run")
    try FileSystem.remove(run.tensorboard)
    try FileSystem.write(Data(), to: run.tensorboard)
    let found = #expect(throws: FileError.self) { try tiny.resume("run") }
    let error = try #require(found)
    #expect("\(error)".contains("tensorboard") && !"\(error)".contains("\n"))
  }
}

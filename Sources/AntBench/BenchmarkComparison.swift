import AntFiles
import AntText
import Foundation

/// Two files of `antlm bench --json`, row by row: what became faster and what slower.
public struct BenchmarkComparison: Sendable {
  /// A row that both files have.
  public struct Row: Sendable, Equatable {
    public var benchmark: String
    public var shape: String
    public var before: Double
    public var after: Double
    /// Whether the middle halves of the runs overlap: the difference may be noise.
    public var overlaps: Bool
    /// Above 1 where it became faster.
    public var speedup: Double { before / after }
  }

  /// What is compared: the device counts only where a file has several.
  private struct Key: Hashable {
    var benchmark: String
    var shape: String
    var device: String?
  }

  /// In the order of the first file.
  public let rows: [Row]
  /// Rows of one file alone.
  public let onlyBefore: [String]
  public let onlyAfter: [String]

  /// - Throws: ``TextFileError/line(path:line:expected:)`` or ``FileError``.
  public init(_ before: String, _ after: String) throws {
    let files = try [before, after].map(Self.read)
    let isOfOne = files.allSatisfy { Set($0.map(\.device)).count <= 1 }
    func key(_ result: Benchmark.Result) -> Key {
      Key(
        benchmark: result.benchmark, shape: result.shape, device: isOfOne ? nil : result.device)
    }
    func name(_ result: Benchmark.Result) -> String {
      "\(result.benchmark) \(result.shape)" + (isOfOne ? "" : " on \(result.device)")
    }
    // Where a file has a row twice, the later one holds.
    let later = Dictionary(files[1].map { (key($0), $0) }) { $1 }
    let earlier = Dictionary(files[0].map { (key($0), $0) }) { $1 }
    var seen: Set<Key> = []
    rows = files[0].map(key).filter { seen.insert($0).inserted }.compactMap { key in
      guard let old = earlier[key], let new = later[key] else { return nil }
      return Row(
        benchmark: old.benchmark, shape: old.shape + (isOfOne ? "" : " on \(old.device)"),
        before: old.seconds, after: new.seconds,
        overlaps: old.lowerQuartile <= new.upperQuartile && new.lowerQuartile <= old.upperQuartile)
    }
    onlyBefore = files[0].filter { later[key($0)] == nil }.map(name)
    onlyAfter = files[1].filter { earlier[key($0)] == nil }.map(name)
  }

  private static func read(_ path: String) throws -> [Benchmark.Result] {
    try TextLines(path).lines.map { line in
      let whole = "expected a line that a benchmark wrote as JSON"
      let result = try JSONReader().decode(
        Benchmark.Result.self, from: line.text.utf8, number: line.number, of: path, whole: whole)
      guard result.seconds > 0 else {
        throw TextFileError.line(
          path: path, line: line.number, expected: "\"seconds\" is \(result.seconds); \(whole)")
      }
      return result
    }
  }
}

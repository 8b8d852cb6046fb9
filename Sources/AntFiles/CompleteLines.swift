import Foundation

/// The lines of a file that another process may be adding to: those that have their end.
public enum CompleteLines {
  public struct Line {
    /// From 1.
    public var number: Int
    public var bytes: Data
  }

  public static func read(_ url: URL) throws -> [Line] {
    let parts = try FileSystem.read(own: url).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return parts.dropLast().enumerated().map { Line(number: $0 + 1, bytes: $1) }
  }
}

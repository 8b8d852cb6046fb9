import AntFiles

extension JSONReader {
  /// What a line of a file of JSON lines holds.
  ///
  /// - Parameter whole: what such a line is, as the end of a sentence that says what is wrong with this one.
  /// - Throws: ``TextFileError/line(path:line:expected:)``
  package func decode<Value: Decodable>(
    _ type: Value.Type, from line: some Sequence<UInt8>, number: Int, of path: String, whole: String
  ) throws -> Value {
    do {
      return try decode(type, from: line)
    } catch let error as DecodingError {
      throw TextFileError.line(path: path, line: number, expected: "\(error.problem); \(whole)")
    }
  }
}

import AntFiles
import Foundation

/// The tensors of a model: those of `model.safetensors`, or of the files that `model.safetensors.index.json`
/// distributes them over: those it names, whatever else these files hold.
public struct ModelWeights {
  /// What names the tensors: the one file, or the index.
  public let file: URL
  private let files: [SafeTensors]
  private let places: [ExactText: Int]

  /// One file.
  public init(_ file: SafeTensors) {
    self.init(
      file: file.file, files: [file],
      places: Dictionary(uniqueKeysWithValues: file.entries.map { (ExactText($0.name), 0) }))
  }

  /// The weights in `folder`.
  ///
  /// - Throws: ``SafeTensorsError``, ``ModelError``, `FileError` or `FileKindError`.
  public init(in folder: URL) throws {
    let single = folder.appending(path: ModelFiles.weights)
    let index = folder.appending(path: ModelFiles.index)
    guard !FileSystem.exists(single), FileSystem.exists(index) else {
      self.init(try SafeTensors(contentsOf: single))
      return
    }
    struct Index: Decodable {
      var weightMap: [ExactText: String]
      enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
    }
    let map: [ExactText: String]
    do {
      map = try JSONReader().decode(Index.self, from: FileSystem.read(own: index)).weightMap
    } catch let error as DecodingError {
      throw ModelError.unreadable(
        file: index.path, problem: "not an index of safetensors files: \(error.problem)")
    }
    // A name is that of a file beside the index, and of nothing else.
    if let name = map.values.first(where: {
      $0.contains("/") || $0.hasPrefix(".")
        || !$0.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 }
    }) {
      throw ModelError.unreadable(
        file: index.path, problem: "names \(String(reflecting: name)), which is not beside it")
    }
    let names = Set(map.values).sorted()
    if let name = names.first(where: { !FileSystem.exists(folder.appending(path: $0)) }) {
      throw ModelError.noModel(
        path: folder.path, found: "no \(name) in it, which \(ModelFiles.index) names",
        advice: "copy the file there")
    }
    let files = try names.map { try SafeTensors(contentsOf: folder.appending(path: $0)) }
    let numbers = Dictionary(uniqueKeysWithValues: zip(names, files.indices))
    let places = map.compactMapValues { numbers[$0] }
    // What a file holds beyond what the index says of it does not count.
    for (name, number) in places.sorted(by: { $0.key.text < $1.key.text })
    where files[number].entry(name.text) == nil {
      throw ModelError.missingTensor(file: files[number].file.path, tensor: name.text)
    }
    self.init(file: index, files: files, places: places)
  }

  private init(file: URL, files: [SafeTensors], places: [ExactText: Int]) {
    self.file = file
    self.files = files
    self.places = places
  }

  /// The names of all tensors, in order.
  public var names: [String] { places.keys.map(\.text).sorted() }

  /// The tensor called `name`; nil where there is none.
  public func entry(_ name: String) -> SafeTensors.Entry? {
    places[ExactText(name)].flatMap { files[$0].entry(name) }
  }

  /// As ``SafeTensors/floats(_:)``.
  public func floats(_ name: String) throws -> [Float] {
    guard let place = places[ExactText(name)] else {
      throw SafeTensorsError.missingTensor(file: file.path, tensor: name)
    }
    return try files[place].floats(name)
  }

  /// As ``SafeTensors/copy(_:into:)``.
  public func copy(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
    guard let place = places[ExactText(name)] else {
      throw SafeTensorsError.missingTensor(file: file.path, tensor: name)
    }
    try files[place].copy(name, into: target)
  }
}

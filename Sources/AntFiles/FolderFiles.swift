extension FileSystem {
  /// The files in a folder, whatever bytes their names are, sorted. Those that begin with a dot are left out; so is what
  /// else is there, folders included, with a notice.
  ///
  /// - Parameter ending: how the names of those wanted end.
  /// - Throws: ``FileError``
  public static func files(in folder: SystemPath, ending: String = "") throws -> [SystemPath] {
    let entries = try entries(in: folder).filter { !$0.name.isHidden }
    let wanted = entries.filter { $0.hasSuffix(ending) && $0.kind == .file }
    let others = Set(entries).subtracting(wanted).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    if !others.isEmpty {
      let names = others.prefix(3).map { "'\($0.name)'" }.joined(separator: ", ")
      let more = others.count > 3 ? " and \(others.count - 3) more" : ""
      Notices.say(
        "\(folder): only its own \(ending.isEmpty ? "files" : "*\(ending)") are read; left out: \(names)\(more)"
      )
    }
    return wanted
  }
}

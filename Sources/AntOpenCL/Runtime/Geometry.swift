import CAntKernels

/// How the row and element kernels (see `Kernels/vector.cl`) are cut into work-items.
extension OpenCLDevice {
  /// Floats a load takes: a register on CPU-type devices, one on GPUs, where neighbours read neighbours.
  var vectorWidth: Int {
    if usesGPUKernels { return 1 }
    return traits.vectorWidth >= 16 ? 16 : traits.vectorWidth >= 8 ? 8 : 4
  }

  /// Work-items that share a row; a power of two.
  var lanes: Int {
    guard usesGPUKernels else { return 1 }
    // A simulator takes the lanes one after another, and a few show whatever many would.
    if info.kind == .simulator { return 16 }
    return traits.maximumWorkGroupSize >= 256 ? 256 : 64
  }

  /// What `Kernels/vector.cl` is built with.
  var vectorOptions: String { "-DV=\(vectorWidth) -DLANES=\(lanes)" }

  /// A work-group a row on GPUs; on CPU-type devices a work-item takes rows of about this many elements
  /// together, some tens of microseconds of work.
  private func rowsPerGroup(columns: Int) -> Int {
    usesGPUKernels ? 1 : max(1, 16_384 / max(columns, 1))
  }

  /// Launches a kernel that walks rows; its last argument, rows a group, is added here.
  func launchRows(
    _ file: String, _ kernel: String, rows: Int, columns: Int, options: String = "", operations: Double = 0,
    bytes: Double = 0, _ arguments: [KernelArgument]
  ) {
    let perGroup = rowsPerGroup(columns: columns)
    launch(
      file, kernel, options: "\(vectorOptions) \(options)",
      global: [(rows + perGroup - 1) / perGroup * lanes], local: [lanes], operations: operations,
      bytes: bytes,
      arguments + [.int(perGroup)])
  }

  func elementGroups(_ count: Int) -> Int {
    (count + Int(ELEMENTS_PER_GROUP) - 1) / Int(ELEMENTS_PER_GROUP)
  }

  /// Launches a kernel that walks a run of elements.
  func launchElements(
    _ file: String, _ kernel: String, count: Int, options: String = "", operations: Double = 0,
    bytes: Double = 0, _ arguments: [KernelArgument]
  ) {
    launch(
      file, kernel, options: "\(vectorOptions) \(options)", global: [elementGroups(count) * lanes],
      local: [lanes], operations: operations, bytes: bytes, arguments)
  }

  /// Launches a kernel whose work-items own a strip of columns each; dimension 1 counts chunks of rows.
  func launchColumns(
    _ file: String, _ kernel: String, columns: Int, chunks: Int = 1, options: String = "", bytes: Double = 0,
    _ arguments: [KernelArgument]
  ) {
    let group = usesGPUKernels ? 64 : 1
    let strip = stripOf(vectorWidth) * vectorWidth
    let items = (columns + strip - 1) / strip
    launch(
      file, kernel, options: "\(vectorOptions) \(options)",
      global: [(items + group - 1) / group * group, chunks],
      local: [group, 1], bytes: bytes, arguments)
  }
}

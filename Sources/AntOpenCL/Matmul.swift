import AntDevice
import CAntKernels

/// What the kernels add to the product.
private struct Epilogue: OptionSet {
  let rawValue: Int32
  static let addC = Epilogue(rawValue: ADD_C)
  static let addBias = Epilogue(rawValue: ADD_BIAS)
  static let addResidual = Epilogue(rawValue: ADD_RESIDUAL)
  static let lowerTriangle = Epilogue(rawValue: LOWER_TRIANGLE)

  var argument: KernelArgument { .int(Int(rawValue)) }
}

extension Matmul {
  fileprivate var epilogue: Epilogue {
    var epilogue: Epilogue = []
    if accumulate { epilogue.insert(.addC) }
    if bias != nil { epilogue.insert(.addBias) }
    if residual != nil { epilogue.insert(.addResidual) }
    return epilogue
  }

  fileprivate var epilogueArgument: KernelArgument { epilogue.argument }

  // A' is m x k and B' is k x n, whatever was transposed: how far apart in memory their elements lie.
  fileprivate var rowStrideA: Int { transposeA ? 1 : a.stride }
  fileprivate var termStrideA: Int { transposeA ? a.stride : 1 }
  fileprivate var columnStrideB: Int { transposeB ? b.stride : 1 }
  fileprivate var termStrideB: Int { transposeB ? 1 : b.stride }

  // Strides mean something only where there is a second batch.
  fileprivate var strideA: Int { batch > 1 ? batchStrideA : 0 }
  fileprivate var strideB: Int { batch > 1 ? batchStrideB : 0 }
  fileprivate var strideC: Int { batch > 1 ? batchStrideC : 0 }

  fileprivate var sizes: [KernelArgument] { [.int(m), .int(n), .int(k)] }
  fileprivate var output: [KernelArgument] { [.slice(c.storage), .long(strideC), .int(c.stride)] }
  fileprivate var addends: [KernelArgument] { [.slice(bias), .slice(residual?.storage)] }

  /// Of a symmetric C, those of one triangle.
  fileprivate var operations: Double {
    (symmetric ? 1 : 2) * Double(m) * Double(n) * Double(k) * Double(batch)
  }
  fileprivate var bytes: Double {
    let elements = m * k + k * n + m * n * (1 + (accumulate ? 1 : 0) + (residual == nil ? 0 : 1))
    return 4 * Double(elements) * Double(batch)
  }

  /// The same for some columns of C, of one batch.
  fileprivate func columns(_ range: Range<Int>) -> Matmul {
    precondition(batch == 1, "Matmul: columns \(range) of a batch of \(batch)")
    return Matmul(
      a, transposed: transposeA, transposeB ? b.rows(range) : b.columns(range), transposed: transposeB,
      into: c.columns(range), bias: bias?[range], residual: residual?.columns(range), accumulate: accumulate,
      precision: precision)
  }

  /// Few enough rows that B is best read once, where it lies.
  var hasFewRows: Bool { m <= Int(FEW_ROWS) && !transposeA }
}

/// `value / divisor`, rounded up.
private func divided(_ value: Int, by divisor: Int) -> Int { (value + divisor - 1) / divisor }

extension OpenCLDevice {
  public func matmul(_ operation: Matmul) {
    guard operation.m > 0, operation.n > 0 else { return }
    switch (usesGPUKernels, operation.hasFewRows) {
    case (false, false): packedMatmul(operation)
    case (false, true): fewRowsMatmul(operation)
    case (true, false): tiledMatmul(operation)
    case (true, true): fewRowsMatmulOnGPU(operation)
    }
  }

  // MARK: CPU-type devices (Kernels/matmul_cpu.cl)

  /// The tile that fills the registers of a device whose vectors hold so many floats.
  private struct RegisterTile {
    let width: Int
    let rows: Int
    let columns: Int
    let options: String

    init(vectorWidth: Int) {
      let vectors: Int
      (width, vectors, rows) =
        switch vectorWidth {
        case 16...: (16, 2, 12)
        case 8...: (8, 3, 4)
        default: (4, 3, 4)
        }
      columns = width * vectors
      options = "-DWIDTH=\(width) -DVECTORS=\(vectors) -DROWS=\(rows)"
    }
  }

  /// Packs B, then multiplies block by block; each block packs its own rows of A. Every choice that
  /// decides the order of a sum is a function of the shape.
  ///
  /// A long sum over a small C (weight gradients: k counts tokens) is taken 1024 terms at a time, so that what
  /// was packed is multiplied while it is still in a cache; the parts meet in C. A wide B (weights of a vocabulary) is
  /// taken 12 MB at a time, for the same reason and because there is no need to hold all of it twice.
  private func packedMatmul(_ operation: Matmul) {
    let choice = PackedChoice(tuning.choices[shapeClass(operation)])
    let (n, part) = (operation.n, termsAtATime(operation))
    let parts = operation.batch > 1 ? 1 : divided(n * part, by: 3 << 20)
    // Whole panels in all parts but the last.
    let panel = RegisterTile(vectorWidth: traits.vectorWidth).columns
    let columns = parts > 1 ? divided(divided(n, by: parts), by: panel) * panel : max(n, 1)
    for first in stride(from: 0, to: n, by: columns) {
      packedMatmul(parts > 1 ? operation.columns(first..<min(first + columns, n)) : operation, choice)
    }
  }

  private func termsAtATime(_ operation: Matmul) -> Int {
    operation.k >= 2048 && operation.m * operation.n <= 1 << 20 ? 1024 : operation.k
  }

  private func packedMatmul(_ operation: Matmul, _ choice: PackedChoice?) {
    let tile = RegisterTile(vectorWidth: traits.vectorWidth)
    let (m, n, k) = (operation.m, operation.n, operation.k)
    let rowPanels = divided(m, by: tile.rows)
    let columnPanels = divided(n, by: tile.columns)
    let part = termsAtATime(operation)
    // A B that all batches share is packed once.
    let batchB = operation.strideB == 0 ? 1 : operation.batch
    let packedB = scratch(columnPanels * tile.columns * part * batchB)
    for first in stride(from: 0, to: max(k, 1), by: max(part, 1)) {
      let terms = min(part, k - first)
      let sizeB = columnPanels * tile.columns * terms
      let (a, b) = (operation.a.storage, operation.b.storage)
      if terms > 0 {
        // A packing task reads 8 panels x 256 terms: some 250 KB.
        let (group, slice) = (8, 256)
        launch(
          "matmul_cpu", "matmul_pack_columns", options: tile.options + operation.precision.option,
          global: [divided(columnPanels, by: group), divided(terms, by: slice), batchB], local: [1, 1, 1],
          bytes: 8 * Double(sizeB * batchB),
          [
            .slice(b[first * operation.termStrideB..<b.count]), .long(operation.strideB),
            .int(operation.columnStrideB), .int(operation.termStrideB), .int(n), .int(terms), .int(group),
            .int(slice), .slice(packedB), .long(sizeB),
          ])
      }
      // Equal depths: a panel of B then fits the first-level cache.
      let limit = choice?.depth ?? Int(PACKED_TERMS)
      let depth = max(8, divided(divided(terms, by: max(1, divided(terms, by: limit))), by: 8) * 8)
      // Blocks of so many rows and 16 panels of columns reuse what the second-level cache holds; smaller ones where
      // there would be too few to share out evenly, a dozen a compute unit, down to 2 MFLOP a depth block. Rows are
      // cut first: cutting columns makes more blocks pack the same rows. How C is cut decides no sum's order.
      var rows = min((choice?.rows ?? Int(PACKED_ROWS)) / tile.rows, rowPanels)
      var columns = min(choice?.panels ?? 16, columnPanels)
      func tooFew() -> Bool {
        divided(rowPanels, by: rows) * divided(columnPanels, by: columns) * operation.batch
          < 12 * info.computeUnits
          && rows * columns * tile.rows * tile.columns * depth > 1 << 21
      }
      while choice == nil, tooFew(), rows > 2 || columns > 1 {
        if rows > 2 { rows = divided(rows, by: 2) } else { columns = divided(columns, by: 2) }
      }
      // Equal blocks: PoCL hands a thread half of all that are left, and the larger ones would come first.
      rows = divided(rowPanels, by: divided(rowPanels, by: rows))
      columns = divided(columnPanels, by: divided(columnPanels, by: columns))
      var epilogue: Epilogue = first == 0 ? operation.epilogue : .addC
      if operation.symmetric { epilogue.insert(.lowerTriangle) }
      let share = k == 0 ? 1 : Double(terms) / Double(k)
      launch(
        "matmul_cpu", "matmul_packed", options: tile.options + operation.precision.option,
        global: [divided(rowPanels, by: rows), divided(columnPanels, by: columns), operation.batch],
        local: [1, 1, 1], operations: share * operation.operations, bytes: share * operation.bytes,
        [
          .slice(a[min(first * operation.termStrideA, a.count)..<a.count]), .long(operation.strideA),
          .int(operation.rowStrideA), .int(operation.termStrideA), .slice(packedB),
          .long(batchB == 1 ? 0 : sizeB),
        ] + operation.output + operation.addends
          + [
            .int(m), .int(n), .int(terms), .int(depth), .int(rows), .int(columns),
            epilogue.argument,
          ])
    }
    guard operation.symmetric else { return }
    let squares = divided(n, by: Int(MIRROR_SIDE))
    launch(
      "matmul_cpu", "matmul_mirror", options: tile.options + operation.precision.option,
      global: [squares, squares, operation.batch], local: [1, 1, 1],
      bytes: 4 * Double(n * n * operation.batch), operation.output + [.int(n)])
  }

  private func fewRowsMatmul(_ operation: Matmul) {
    let tile = RegisterTile(vectorWidth: traits.vectorWidth)
    // A share is whole tiles of columns and at least 64 K weights, some ten microseconds of work.
    var share = operation.transposeB ? 4 : tile.columns
    while share * operation.k < 1 << 16, share < operation.n { share *= 2 }
    launch(
      "matmul_cpu", operation.transposeB ? "matmul_few_rows_transposed" : "matmul_few_rows",
      options: tile.options + operation.precision.option,
      global: [divided(operation.n, by: share), 1, operation.batch], local: [1, 1, 1],
      operations: operation.operations, bytes: operation.bytes,
      [
        .slice(operation.a.storage), .long(operation.strideA), .int(operation.a.stride),
        .slice(operation.b.storage), .long(operation.strideB), .int(operation.b.stride),
      ] + operation.output + operation.addends + operation.sizes + [.int(share), operation.epilogueArgument])
  }

  // MARK: GPUs (Kernels/matmul_gpu.cl and, below float32, matmul_tensor.cl)

  /// With 128 registers an item two groups of large tiles share a multiprocessor and hide each other's barriers. It
  /// takes PTX to keep them within that; tensor cores show that the driver understands it.
  private var tileOptions: String {
    guard case .tensorCores = matrixUnit else { return "" }
    return " -DPTX=1 -cl-nv-maxrregcount=128"
  }

  func usesMatrixUnit(_ operation: Matmul) -> Bool { operation.precision != .float32 && matrixUnit != .none }

  /// How C is cut: into tiles of so many rows and columns, and its sums into so many slices.
  ///
  /// Large tiles where C is wide enough for them and, with the sum in slices of at least 512 terms, there are enough of
  /// them to occupy a large GPU; small ones otherwise. A function of the shape, of what was tuned, which may have been
  /// found on another device, and of what the device has for large tiles.
  func cut(_ operation: Matmul) -> TiledChoice {
    if let choice = TiledChoice(tuning.choices[shapeClass(operation)]), canTile(choice.tile, operation) {
      return choice
    }
    func groups(_ tile: Int) -> Int {
      divided(operation.m, by: tile) * divided(operation.n, by: tile) * operation.batch
    }
    let most = min(max(operation.k / 512, 1), 32)
    let isLarge = min(operation.m, operation.n) > 64 && groups(128) * most >= 96 && canTile(128, operation)
    let tile = isLarge ? 128 : 64
    let slices = min(most, max(256 / groups(tile), 1))
    // Slices are whole steps, the longest of any kernel: as many as are not empty then.
    let step = Int(TENSOR_STEP_WORDS) * Precision.bfloat16.termsPerWord
    return TiledChoice(
      tile: tile,
      slices: max(
        divided(operation.k, by: max(divided(divided(operation.k, by: slices), by: step) * step, 1)), 1)
    )
  }

  private func tiledMatmul(_ operation: Matmul) {
    let (m, n) = (operation.m, operation.n)
    let choice = cut(operation)
    let kernel = usesMatrixUnit(operation) ? tensorTile(operation, choice) : floatTile(operation, choice)
    let tiles = divided(m, by: choice.tile) * divided(n, by: choice.tile)
    func multiply(
      into output: [KernelArgument], addends: [KernelArgument], sliceStride: Int, epilogue: KernelArgument
    ) {
      launch(
        kernel.file, kernel.name, options: kernel.options,
        global: [tiles * kernel.items, 1, operation.batch * choice.slices], local: [kernel.items, 1, 1],
        operations: operation.operations, bytes: operation.bytes,
        kernel.operands + output + addends + operation.sizes
          + [.int(choice.slices), .long(sliceStride), epilogue])
    }
    guard choice.slices > 1 else {
      multiply(
        into: operation.output, addends: operation.addends, sliceStride: 0,
        epilogue: operation.epilogueArgument)
      return
    }
    let sliceStride = operation.batch * m * n
    let workspace = scratch(choice.slices * sliceStride)
    multiply(
      into: [.slice(workspace), .long(m * n), .int(n)], addends: [.slice(nil), .slice(nil)],
      sliceStride: sliceStride, epilogue: Epilogue().argument)
    launch(
      "matmul_gpu", "matmul_add_slices", options: tileOptions,
      global: [divided(m * n, by: 64) * 64, 1, operation.batch],
      local: [64, 1, 1], bytes: 4 * Double((choice.slices + 1) * sliceStride),
      [.slice(workspace), .int(choice.slices), .long(sliceStride)] + operation.output + operation.addends
        + [.int(m), .int(n), operation.epilogueArgument])
  }

  /// What multiplies tiles: a kernel, the items of its groups, and its first arguments.
  private struct TileKernel {
    let file: String
    let name: String
    let options: String
    let items: Int
    let operands: [KernelArgument]
  }

  /// Whether the kernels may read a matrix by float4s.
  private func isAligned(_ matrix: Matrix, _ batchStride: Int) -> Bool {
    matrix.storage.offset % 4 == 0 && matrix.stride % 4 == 0 && batchStride % 4 == 0
  }

  private func floatTile(_ operation: Matmul, _ choice: TiledChoice) -> TileKernel {
    // Distances of float4s in a tile are ints.
    func operand(_ matrix: Matrix, _ batchStride: Int) -> [KernelArgument] {
      [
        .slice(matrix.storage), .long(batchStride), .int(matrix.stride),
        .int(isAligned(matrix, batchStride) && matrix.stride < 1 << 24 ? 1 : 0),
      ]
    }
    return TileKernel(
      file: "matmul_gpu", name: "matmul_tile_\(choice.tile)",
      options: "-DA_TERMS=\(operation.transposeA ? 0 : 1) -DB_TERMS=\(operation.transposeB ? 1 : 0)"
        + operation.precision.option + tileOptions,
      items: floatMatmulItems(choice.tile),
      operands: operand(operation.a, operation.strideA) + operand(operation.b, operation.strideB))
  }

  /// Packs both operands on the way.
  private func tensorTile(_ operation: Matmul, _ choice: TiledChoice) -> TileKernel {
    TileKernel(
      file: "matmul_tensor", name: "matmul_tensor_\(choice.tile)",
      // Two groups of large tiles share a multiprocessor.
      options: "-DTILE=\(choice.tile)" + operation.precision.option
        + matrixUnit.options(registers: choice.tile == 128 ? 255 : 128),
      items: Int(TENSOR_ITEMS), operands: packed(operation))
  }

  /// The arguments of both operands once `matmul_pack` has laid them out (Kernels/matmul_tensor.cl).
  private func packed(_ operation: Matmul) -> [KernelArgument] {
    let steps = divided(operation.k, by: Int(TENSOR_STEP_WORDS) * operation.precision.termsPerWord)
    struct Operand {
      let matrix: Matrix
      let batchStride: Int
      let hasTerms: Bool
      let lanes: Int
      var blocks: Int { divided(lanes, by: Int(TENSOR_LANES)) }
    }
    let operands = [
      Operand(
        matrix: operation.a, batchStride: operation.strideA, hasTerms: !operation.transposeA,
        lanes: operation.m
      ),
      Operand(
        matrix: operation.b, batchStride: operation.strideB, hasTerms: operation.transposeB,
        lanes: operation.n),
    ]
    var (sources, results): ([KernelArgument], [KernelArgument]) = ([], [])
    var (bytes, most) = (0, 1)
    for operand in operands {
      let batchWords = operand.blocks * steps * Int(TENSOR_LANES * TENSOR_STEP_WORDS)
      // An operand that all batches share is packed once.
      let batches = operand.batchStride == 0 ? 1 : operation.batch
      most = max(most, batches)
      let words = scratch(batches * batchWords)
      bytes += 4 * batches * (operand.lanes * operation.k + batchWords)
      sources += [
        .slice(operand.matrix.storage), .long(operand.batchStride), .int(operand.matrix.stride),
        .int(operand.hasTerms ? 1 : 0), .int(isAligned(operand.matrix, operand.batchStride) ? 1 : 0),
        .int(operand.lanes), .int(batches), .slice(words), .long(batchWords),
      ]
      results += [.slice(words), .long(batches == 1 ? 0 : batchWords)]
    }
    launch(
      "matmul_tensor", "matmul_pack",
      options: operation.precision.option + matrixUnit.options(registers: 128),
      global: [steps * (operands[0].blocks + operands[1].blocks) * Int(TENSOR_PACK_ITEMS), 1, most],
      local: [Int(TENSOR_PACK_ITEMS), 1, 1],
      bytes: Double(bytes), sources + [.int(operation.k)])
    return results
  }

  private func fewRowsMatmulOnGPU(_ operation: Matmul) {
    let columns = Int(FEW_ROWS_ITEMS) / fewRowsLanes(operation.transposeB ? 1 : 0)
    launch(
      "matmul_gpu", "matmul_few_rows", options: tileOptions + operation.precision.option,
      global: [divided(operation.n, by: columns) * Int(FEW_ROWS_ITEMS), 1, operation.batch],
      local: [Int(FEW_ROWS_ITEMS), 1, 1],
      operations: operation.operations, bytes: operation.bytes,
      [
        .slice(operation.a.storage), .long(operation.strideA), .int(operation.a.stride),
        .slice(operation.b.storage), .long(operation.strideB), .int(operation.columnStrideB),
        .int(operation.termStrideB),
      ] + operation.output + operation.addends + operation.sizes + [operation.epilogueArgument])
  }
}

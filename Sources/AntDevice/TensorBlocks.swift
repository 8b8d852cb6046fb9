/// The tensors that lie in a flat buffer, cut into blocks that can be worked on side by side.
///
/// A block never spans two tensors, so that sums over a tensor are sums over its blocks, in order. What lies between
/// the tensors belongs to none.
public struct TensorBlocks {
  /// The most elements of a block.
  public static let blockLength = 16_384

  public let tensors: [Range<Int>]
  public let count: Int
  /// Of all tensors.
  public var elements: Int { tensors.reduce(0) { $0 + $1.count } }
  /// int32 `[count, 4]`: first element, number of elements, first block of the same tensor, and how many it has.
  public let table: BufferSlice

  /// - Parameter tensors: ascending, none overlapping another.
  public init(_ tensors: [Range<Int>], on device: any Device) {
    precondition(
      zip(tensors, tensors.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound },
      "TensorBlocks: tensors that overlap or descend: \(tensors)")
    precondition(
      tensors.last?.upperBound ?? 0 <= Int(Int32.max),
      "TensorBlocks: \(tensors.last?.upperBound ?? 0) elements")
    self.tensors = tensors
    var table: [Int32] = []
    for tensor in tensors {
      let first = table.count / 4
      let blocks = (tensor.count + Self.blockLength - 1) / Self.blockLength
      for block in 0..<blocks {
        let start = tensor.lowerBound + block * Self.blockLength
        table += [start, min(Self.blockLength, tensor.upperBound - start), first, blocks].map { Int32($0) }
      }
    }
    count = table.count / 4
    self.table = device.makeBuffer(table)[...]
  }
}

/// Every element of `output` becomes `value`.
public struct Fill {
  public let value: Float
  public let output: BufferSlice

  public init(_ output: BufferSlice, with value: Float) {
    require(output, holds: output.count, of: .float32, "Fill")
    self.value = value
    self.output = output
  }
}

/// `output[r, c] = input[r, c]`. The two must not overlap.
public struct Copy {
  public let input: Matrix
  public let output: Matrix

  public init(_ input: Matrix, into output: Matrix) {
    output.requireShape(input.rows, input.columns, "Copy output")
    self.input = input
    self.output = output
  }
}

/// `output[i] = a[i] + b[i]`. `output` may be either.
public struct Add {
  public let a: BufferSlice
  public let b: BufferSlice
  public let output: BufferSlice

  public init(_ a: BufferSlice, _ b: BufferSlice, into output: BufferSlice) {
    require(a, holds: a.count, of: .float32, "Add a")
    require(b, holds: a.count, of: .float32, "Add b")
    require(output, holds: a.count, of: .float32, "Add output")
    self.a = a
    self.b = b
    self.output = output
  }

  public var count: Int { a.count }
}

/// `output[i] = factor * input[i]`. `output` may be `input`.
public struct Scale {
  public let input: BufferSlice
  public let factor: Float
  public let output: BufferSlice

  public init(_ input: BufferSlice, by factor: Float, into output: BufferSlice) {
    require(input, holds: input.count, of: .float32, "Scale input")
    require(output, holds: input.count, of: .float32, "Scale output")
    self.input = input
    self.factor = factor
    self.output = output
  }

  public var count: Int { input.count }
}

/// `output[i] += weight (input[i] - output[i])`: one step of a running mean.
public struct Blend {
  public let input: BufferSlice
  public let weight: Float
  public let output: BufferSlice

  public init(_ input: BufferSlice, weight: Float, into output: BufferSlice) {
    require(input, holds: input.count, of: .float32, "Blend input")
    require(output, holds: input.count, of: .float32, "Blend output")
    self.input = input
    self.weight = weight
    self.output = output
  }

  public var count: Int { input.count }
}

/// `a[i]` and `b[i]` change places. The two must not overlap.
public struct Exchange {
  public let a: BufferSlice
  public let b: BufferSlice

  public init(_ a: BufferSlice, _ b: BufferSlice) {
    require(a, holds: a.count, of: .float32, "Exchange a")
    require(b, holds: a.count, of: .float32, "Exchange b")
    self.a = a
    self.b = b
  }

  public var count: Int { a.count }
}

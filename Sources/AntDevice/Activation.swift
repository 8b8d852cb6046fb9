/// A pointwise nonlinearity.
///
///     silu(x)     = x / (1 + exp(-x))
///     gelu(x)     = x Phi(x) = x/2 (1 + erf(x / sqrt 2))                               (Hendrycks & Gimpel 2016)
///     geluTanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
public enum ActivationFunction: String, Sendable, CaseIterable { case silu, gelu, geluTanh }

/// `y = f(x)`, element by element. `output` may be `input`.
public struct Activation {
  public let function: ActivationFunction
  public let input: BufferSlice
  public let output: BufferSlice

  public init(_ function: ActivationFunction, _ input: BufferSlice, into output: BufferSlice) {
    require(input, holds: input.count, of: .float32, "Activation input")
    require(output, holds: input.count, of: .float32, "Activation output")
    self.function = function
    self.input = input
    self.output = output
  }

  public var count: Int { input.count }
}

/// `dx = dy f'(x)`. `inputGradient` may be `outputGradient`.
public struct ActivationBackward {
  public let function: ActivationFunction
  public let input: BufferSlice
  public let outputGradient: BufferSlice
  public let inputGradient: BufferSlice

  public init(
    _ function: ActivationFunction, input: BufferSlice, outputGradient: BufferSlice,
    into inputGradient: BufferSlice
  ) {
    require(input, holds: input.count, of: .float32, "ActivationBackward input")
    require(outputGradient, holds: input.count, of: .float32, "ActivationBackward output gradient")
    require(inputGradient, holds: input.count, of: .float32, "ActivationBackward input gradient")
    self.function = function
    self.input = input
    self.outputGradient = outputGradient
    self.inputGradient = inputGradient
  }

  public var count: Int { input.count }
}

/// `y = f(gate) up`: SwiGLU with silu, GEGLU with GELU (Shazeer 2020). Gate and up are usually two blocks of
/// columns of one matrix, the output of one fused matmul.
public struct GatedActivation {
  public let function: ActivationFunction
  public let gate: Matrix
  public let up: Matrix
  public let output: Matrix

  public init(_ function: ActivationFunction, gate: Matrix, up: Matrix, into output: Matrix) {
    up.requireShape(gate.rows, gate.columns, "GatedActivation up")
    output.requireShape(gate.rows, gate.columns, "GatedActivation output")
    self.function = function
    self.gate = gate
    self.up = up
    self.output = output
  }
}

/// `dgate = dy up f'(gate)` and `dup = dy f(gate)`. Each gradient may overwrite the value it belongs to.
public struct GatedActivationBackward {
  public let function: ActivationFunction
  public let gate: Matrix
  public let up: Matrix
  public let outputGradient: Matrix
  public let gateGradient: Matrix
  public let upGradient: Matrix

  public init(
    _ function: ActivationFunction, gate: Matrix, up: Matrix, outputGradient: Matrix, gateGradient: Matrix,
    upGradient: Matrix
  ) {
    up.requireShape(gate.rows, gate.columns, "GatedActivationBackward up")
    outputGradient.requireShape(gate.rows, gate.columns, "GatedActivationBackward output gradient")
    gateGradient.requireShape(gate.rows, gate.columns, "GatedActivationBackward gate gradient")
    upGradient.requireShape(gate.rows, gate.columns, "GatedActivationBackward up gradient")
    self.function = function
    self.gate = gate
    self.up = up
    self.outputGradient = outputGradient
    self.gateGradient = gateGradient
    self.upGradient = upGradient
  }
}

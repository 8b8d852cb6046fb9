import Device
import RealModule

extension CPUDevice {
  public func attention(_ operation: Attention) {
    let s = operation.shape
    command("attention", floats: 0) {
      parallel(s.batch * s.heads) { task in
        let (batch, head) = (task / s.heads, task % s.heads)
        let d = s.headDimension
        var p = [Float](repeating: 0, count: s.keyLength)
        for t in 0..<s.queryLength {
          let row = batch * s.queryLength + t
          let first = Int(operation.keyRanges.integers[2 * row])
          let end = Int(operation.keyRanges.integers[2 * row + 1])
          let q = operation.query.floats + row * operation.query.stride + head * d
          let o = operation.output.floats + row * operation.output.stride + head * d
          let lse = operation.logSumExp.floats + task * s.queryLength + t
          for c in 0..<d { o[c] = 0 }
          lse[0] = -.infinity
          guard first < end else { continue }
          var largest = -Float.infinity
          for j in first..<end {
            let k = operation.key.floats + (batch * s.keyLength + j) * operation.key.stride + head * d
            var dot: Float = 0
            for c in 0..<d { dot += q[c] * k[c] }
            p[j] = dot * s.scale
            largest = max(largest, p[j])
          }
          var sum: Float = 0
          for j in first..<end {
            p[j] = Float.exp(p[j] - largest)
            sum += p[j]
          }
          lse[0] = largest + Float.log(sum)
          for j in first..<end {
            let v = operation.value.floats + (batch * s.keyLength + j) * operation.value.stride + head * d
            for c in 0..<d { o[c] += p[j] / sum * v[c] }
          }
        }
      }
    }
  }

  public func attention(_ operation: AttentionBackward) {
    let s = operation.forward.shape
    let f = operation.forward
    command("attention backward", floats: 0) {
      parallel(s.batch * s.heads) { task in
        let (batch, head) = (task / s.heads, task % s.heads)
        let d = s.headDimension
        for j in 0..<s.keyLength {
          let row = batch * s.keyLength + j
          for c in 0..<d {
            operation.keyGradient.floats[row * operation.keyGradient.stride + head * d + c] = 0
            operation.valueGradient.floats[row * operation.valueGradient.stride + head * d + c] = 0
          }
        }
        for t in 0..<s.queryLength {
          let row = batch * s.queryLength + t
          let first = Int(f.keyRanges.integers[2 * row])
          let end = Int(f.keyRanges.integers[2 * row + 1])
          let q = f.query.floats + row * f.query.stride + head * d
          let o = f.output.floats + row * f.output.stride + head * d
          let dO = operation.outputGradient.floats + row * operation.outputGradient.stride + head * d
          let dq = operation.queryGradient.floats + row * operation.queryGradient.stride + head * d
          let lse = f.logSumExp.floats[task * s.queryLength + t]
          var delta: Float = 0
          for c in 0..<d {
            delta += dO[c] * o[c]
            dq[c] = 0
          }
          for j in first..<max(first, end) {
            let keyRow = batch * s.keyLength + j
            let k = f.key.floats + keyRow * f.key.stride + head * d
            let v = f.value.floats + keyRow * f.value.stride + head * d
            let dk = operation.keyGradient.floats + keyRow * operation.keyGradient.stride + head * d
            let dv = operation.valueGradient.floats + keyRow * operation.valueGradient.stride + head * d
            var dot: Float = 0
            var dp: Float = 0
            for c in 0..<d {
              dot += q[c] * k[c]
              dp += dO[c] * v[c]
            }
            let p = Float.exp(dot * s.scale - lse)
            let ds = p * (dp - delta) * s.scale
            for c in 0..<d {
              dq[c] += ds * k[c]
              dk[c] += ds * q[c]
              dv[c] += p * dO[c]
            }
          }
        }
      }
    }
  }
}

import AntDevice
import AntDevices
import AntFiles
import AntTestSupport
import AntText
import Foundation
import Testing

@testable import AntBench

@Suite struct BenchmarkTests {
  private let scratch = Scratch()

  /// A share is what the peaks would take of the time taken: a product cannot do more than the peak of
  /// multiply-adds, nor a copy more than a copy.
  @Test func sharesAreOfMeasuredPeaks() throws {
    var bench = Benchmark(on: try Devices.open("cpu").device, repeats: 3)
    #expect(try bench.softmax(rows: 64, columns: 64)[0].shareOfPeak == nil)
    let peaks = try bench.measurePeaks()
    #expect(peaks.map(\.benchmark) == ["multiply-add", "copy"])
    #expect(bench.peaks?.gflops == peaks[0].gflops && bench.peaks?.gflops ?? 0 > 1)
    let product = try bench.matmul(.nn, m: 256, n: 256, k: 256)
    let share = try #require(product.shareOfPeak)
    let gflops = try #require(product.gflops)
    #expect(abs(gflops * product.seconds * 1e9 - 2 * 256 * 256 * 256) < 1)
    // Tests share the machine, and so may the peak's measurement: how large the share is says nothing here.
    let compute = gflops / bench.peaks!.gflops
    let memory = try #require(product.gigabytesPerSecond) / bench.peaks!.gigabytesPerSecond
    #expect(abs(share - max(compute, memory)) < 1e-9 * share && share > 0)
    let bytes = try #require(try bench.softmax(rows: 512, columns: 512)[0].gigabytesPerSecond)
    #expect(bytes > 0)
  }

  /// Every row has its sizes, and none times nothing.
  @Test func everyFamilyIsTimed() throws {
    let bench = Benchmark(on: try Devices.open("cpu").device, repeats: 3)
    let results =
      try bench.softmax(rows: 32, columns: 48) + bench.normalization(.rms, rows: 32, columns: 48)
      + bench.normalization(.layer, rows: 32, columns: 48) + [bench.crossEntropy(rows: 16, vocabulary: 48)]
      + [bench.adamW(parameters: 1000)]
      + bench.attention(.causal, batch: 1, heads: 2, length: 16, headDimension: 32)
    #expect(
      results.map(\.benchmark) == [
        "softmax", "softmax backward", "rms norm", "rms norm backward", "layer norm", "layer norm backward",
        "cross-entropy", "adamw", "attention forward", "attention backward", "attention",
      ])
    for result in results {
      #expect(result.seconds > 0 && result.lowerQuartile <= result.seconds, "\(result)")
      #expect(result.seconds <= result.upperQuartile && result.firstSeconds > 0, "\(result)")
      #expect(result.gigabytesPerSecond ?? 0 > 0 && result.shareOfPeak == nil, "\(result)")
    }
  }

  private func line(_ benchmark: String, _ device: String, _ seconds: Double, spread: Double = 0) -> String {
    var object = JSONObject()
    object.set("benchmark", benchmark)
    object.set("shape", "2x2")
    object.set("device", device)
    object.set("seconds", seconds)
    object.set("lowerQuartile", seconds - spread)
    object.set("upperQuartile", seconds + spread)
    object.set("firstSeconds", 1.0)
    object.set("peakBytes", 0)
    return "\(object)\n"
  }

  @Test func filesAreComparedRowByRow() throws {
    let before = try scratch.write(
      line("a", "cpu", 2) + line("b", "cpu", 1, spread: 0.2) + line("gone", "cpu", 1), to: "before.jsonl")
    let after = try scratch.write(
      line("b", "opencl:0", 1.3, spread: 0.2) + line("a", "opencl:0", 1) + line("new", "opencl:0", 1),
      to: "after.jsonl")
    let comparison = try BenchmarkComparison(before, after)
    #expect(comparison.rows.map(\.benchmark) == ["a", "b"])
    #expect(comparison.rows.map(\.speedup) == [2, 1 / 1.3])
    #expect(comparison.rows.map(\.overlaps) == [false, true])
    #expect(comparison.onlyBefore == ["gone 2x2"] && comparison.onlyAfter == ["new 2x2"])
    // Several devices in a file: rows of one device belong together.
    let both = try scratch.write(line("a", "cpu", 1) + line("a", "opencl:0", 4), to: "both.jsonl")
    let own = try BenchmarkComparison(both, before)
    #expect(own.rows.map(\.shape) == ["2x2 on cpu"] && own.rows[0].speedup == 0.5)
    #expect(own.onlyBefore == ["a 2x2 on opencl:0"])
  }

  @Test(arguments: ["{}", "nonsense", "{\"benchmark\": 1}"])
  func aForeignLineIsNamed(line: String) throws {
    let good = try scratch.write(self.line("a", "cpu", 1), to: "good.jsonl")
    let bad = try scratch.write(self.line("a", "cpu", 1) + line + "\n", to: "bad.jsonl")
    let found = #expect(throws: TextFileError.self) { try BenchmarkComparison(good, bad) }
    #expect("\(try #require(found))".contains("bad.jsonl, line 2: "))
  }
}

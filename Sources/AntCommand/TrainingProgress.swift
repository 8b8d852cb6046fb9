import AntTraining
import Foundation

/// What `antlm train` prints while it runs: a line that follows the steps, one that stays for every evaluation,
/// and a summary. With `--json`, the lines of metrics.jsonl alone.
final class TrainingProgress {
  private let json: Bool
  private let firstStep: Int
  private let start: ContinuousClock.Instant
  private let progress = Progress()
  private let schedule: [String]
  private var begin: [String: Double] = [:]
  private var latest: [String: Double] = [:]
  private var showsFirst = true

  init(_ trainer: Trainer, json: Bool, start: ContinuousClock.Instant) {
    self.json = json
    self.start = start
    firstStep = trainer.step
    schedule = trainer.plan.phases.map(\.phase.description)
  }

  func show(_ report: StepReport) {
    if showsFirst, report.step > firstStep {
      showsFirst = false
      let seconds = start.duration(to: .now).seconds
      warn(String(format: "first step after %.1f s", seconds))
    }
    if json { emit(report.metrics.json) }
    if !report.devLosses.isEmpty {
      if report.step == 0 { begin = report.devLosses }
      latest = report.devLosses
      if !json {
        progress.end()
        emit("step \(report.step)/\(report.totalSteps)  dev loss \(losses(report.devLosses))")
      }
    }
    guard !json, let loss = report.loss, let norm = report.gradientNorm, let rate = report.learningRate else {
      return
    }
    let phase = "phase \(report.position.phase + 1)/\(schedule.count) \(schedule[report.position.phase])"
    let speed = report.tokensPerSecond.flatMap { $0.isFinite ? String(format: "%.0f", $0) : nil } ?? "?"
    let figures = String(format: "loss %.4f  norm %.2f  lr %.2e  ", loss, norm, rate) + "\(speed) tokens/s"
    progress.show(
      "step \(report.step)/\(report.totalSteps)  \(phase)  \(figures)", done: report.step - firstStep,
      of: report.totalSteps - firstStep)
  }

  func end() { progress.end() }

  func summarize(folder: String) {
    if json { return }
    if !begin.isEmpty { emit("dev loss before: \(losses(begin))") }
    if !latest.isEmpty { emit("dev loss after:  \(losses(latest))") }
    emit("done; try: antlm generate \(shellQuoted(folder)) --prompt \"The\"")
  }

  private func losses(_ losses: [String: Double]) -> String {
    losses.sorted { $0.key < $1.key }.map { $0.key + String(format: " %.4f", $0.value) }
      .joined(separator: "  ")
  }
}

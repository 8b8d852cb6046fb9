import AntText
import AntTraining

/// The curves of one run, by objective, or of several laid over one another, a plot for each objective.
struct RunCurves {
  let runs: [RunRecord]
  let names: [String]

  /// Steps to either side that a bold line is the mean of.
  var reach: Int { max(2, Int((Double(lastStep) * 0.01).rounded())) }

  private var lastStep: Int { runs.compactMap(\.lines.last?.step).max() ?? 0 }

  private var objectives: [String] {
    let found = Set(runs.flatMap(\.objectives))
    return Objectives.standard.names.filter(found.contains)
      + found.subtracting(Objectives.standard.names).sorted()
  }

  /// Those that any run has development losses of.
  var evaluatedObjectives: [String] {
    objectives.filter { objective in
      runs.contains { $0.lines.contains { $0.devLosses[objective] != nil } }
    }
  }

  private func style(_ objective: String) -> Int {
    Objectives.standard.names.firstIndex(of: objective) ?? Objectives.standard.names.count
  }

  var plots: [LinePlot] {
    let trained = objectives.filter { objective in
      runs.contains { $0.lines.contains { $0.loss(of: objective) != nil } }
    }
    let evaluated = evaluatedObjectives
    return losses("Training loss", trained) { run, objective in
      smoothed(run.points { $0.loss(of: objective) }, breaking: true)
    }
      + losses("Development loss", evaluated) { run, objective in
        var series = LinePlot.Series(label: "", points: run.points { $0.devLosses[objective] }, style: 0)
        series.marksPoints = series.points.count <= 60
        return series
      }
      + [
        plot("Learning rate", "after warm-up and decay", .linear(zero: true)) { run in
          LinePlot.Series(label: "", points: run.points { $0.learningRate.map { Double($0) } }, style: 0)
        },
        plot("Gradient norm", "before clipping, logarithmic", .logarithmic) { run in
          smoothed(run.points { $0.gradientNorm.map { Double($0) } }, breaking: false)
        },
        plot("Throughput", "tokens a second", .linear(zero: true)) { run in
          smoothed(run.points(\.tokensPerSecond), breaking: false)
        },
      ]
  }

  private func smoothed(_ points: [PlotPoint], breaking: Bool) -> LinePlot.Series {
    var series = LinePlot.Series(
      label: "", points: Curve.smoothed(points, reach: Double(reach)), style: 0)
    series.detail = points
    series.breaksAtGaps = breaking
    return series
  }

  /// One plot of all objectives for one run; one plot an objective for several.
  private func losses(
    _ title: String, _ objectives: [String], series: (RunRecord, String) -> LinePlot.Series
  ) -> [LinePlot] {
    if objectives.isEmpty, title.hasPrefix("Development") { return [] }
    guard runs.count > 1 else {
      let all = objectives.map { objective in
        var one = series(runs[0], objective)
        (one.label, one.style) = (objective, style(objective))
        return one
      }
      return [
        LinePlot(
          title: title, xLabel: "step", yLabel: "nats a label", series: all, shading: shading,
          ribbons: ribbons)
      ]
    }
    return objectives.map { objective in
      plot("\(title), \(objective)", "nats a label", .linear(zero: false), ribbons: ribbons) { run in
        series(run, objective)
      }
    }
  }

  private func plot(
    _ title: String, _ unit: String, _ scale: LinePlot.Scale, ribbons: [LinePlot.Ribbon] = [],
    series: (RunRecord) -> LinePlot.Series
  ) -> LinePlot {
    let all = runs.indices.compactMap { index -> LinePlot.Series? in
      var one = series(runs[index])
      guard !one.points.isEmpty || runs.count == 1 else { return nil }
      (one.label, one.style) = (names[index], runs.count == 1 ? nil : index)
      return one
    }
    return LinePlot(
      title: title, xLabel: "step", yLabel: unit, series: all, shading: shading, ribbons: ribbons,
      scale: scale)
  }

  /// Behind the curves, where all runs that have begun go through the same phases.
  private var shading: [LinePlot.Band] {
    guard let longest = commonPhases else { return [] }
    return bands(longest) { runs.count == 1 ? .color(style($0)) : .tone(style($0)) }
  }

  /// Under the curves, where each run goes through phases of its own.
  private var ribbons: [LinePlot.Ribbon] {
    guard commonPhases == nil else { return [] }
    return runs.indices.filter { !runs[$0].lines.isEmpty }.map { index in
      LinePlot.Ribbon(style: index, bands: bands(runs[index].phases) { .tone(style($0)) })
    }
  }

  /// The phases of the run that got furthest, if those of the others are the beginning of them.
  private var commonPhases: [RunRecord.Phase]? {
    let all = runs.map(\.phases).sorted {
      ($0.last?.steps.upperBound ?? 0) < ($1.last?.steps.upperBound ?? 0)
    }
    guard let longest = all.last else { return [] }
    for phases in all {
      for (phase, common) in zip(phases, longest) where phase != common {
        let isCut = phase == phases.last && phase.objective == common.objective
        guard isCut && phase.steps.lowerBound == common.steps.lowerBound else { return nil }
      }
    }
    return longest
  }

  private func bands(
    _ phases: [RunRecord.Phase], fill: (String) -> LinePlot.Band.Fill
  ) -> [LinePlot.Band] {
    phases.map { phase in
      LinePlot.Band(
        Double(phase.steps.lowerBound)...Double(phase.steps.upperBound), label: phase.objective,
        fill: fill(phase.objective))
    }
  }
}

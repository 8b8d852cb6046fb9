import AntReport

/// The pictures of a study: for each model a plot of every kind of figure, with its intervals, and the dev losses
/// of the first seed over the steps.
extension StudyResults {
  /// Names below the study's folder, and SVG files.
  var plots: [(name: String, text: String)] {
    study.models.flatMap { model in
      let name = Study.shortName(model)
      let scored = measures.filter(\.isHigherBetter)
      let losses = measures.filter { !$0.isHigherBetter }
      var plots: [(String, String)] = []
      for (kind, measures, label, chance) in [
        ("pairs", scored, "% of pairs right", 50.0), ("losses", losses, "dev loss, nats a label", nil),
      ] where !measures.isEmpty {
        let plot = IntervalPlot(
          title:
            "\(name): \(study.epochs) epochs, seeds \(study.seeds.map(String.init).joined(separator: ", "))",
          valueLabel: label,
          groups: study.schedules.map { IntervalPlot.Group($0.name, items(measures, model, $0)) },
          reference: chance)
        plots.append(("plots/\(name)-\(kind).svg", plot.document))
      }
      for case .devLoss(let objective) in measures {
        plots.append(("plots/\(name)-\(objective).svg", curves(objective, model, title: name).document))
      }
      return plots
    }
  }

  private func items(
    _ measures: [StudyMeasure], _ model: String, _ schedule: Study.NamedSchedule
  ) -> [IntervalPlot.Item] {
    measures.compactMap { measure in
      guard let interval = interval(measure, model: model, schedule: schedule) else { return nil }
      return IntervalPlot.Item(
        measure.title, mean: interval.mean,
        interval: interval.margin.map { interval.mean - $0...interval.mean + $0 })
    }
  }

  private func curves(_ objective: String, _ model: String, title: String) -> LinePlot {
    let series = study.schedules.enumerated().compactMap { style, schedule -> LinePlot.Series? in
      let result = results.first {
        $0.job.model == model && $0.job.schedule == schedule && $0.job.seed == study.seeds[0]
      }
      guard let points = result?.devLosses[objective] else { return nil }
      return LinePlot.Series(label: schedule.name, points: points, style: style)
    }
    return LinePlot(
      title: "\(title): dev loss, \(objective), seed \(study.seeds[0])", xLabel: "step",
      yLabel: "nats a label", series: series)
  }
}

/// What fine-tuning makes of a model.
public enum FineTuning {
  /// The files it leaves beside a model's own, where it leaves them: a head's, and how a source is read.
  public static let files = [Translator.fileName, TrainedClassifier.description, TrainedClassifier.tensors]
}

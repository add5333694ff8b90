namespace EoOnnx.Training.Data;

/// <summary>What one pass over the labels of a data set tells.</summary>
/// <param name="Data">The data without tiles in which nothing is labelled.</param>
/// <param name="Training">Labels of the training samples.</param>
/// <param name="Validation">Labels of those held out.</param>
internal sealed record LabelSurvey(TrainingData Data, TargetTally Training, TargetTally Validation);

namespace EoOnnx.Runtime;

/// <summary>How far a batch is.</summary>
/// <param name="Scenes">All scenes.</param>
/// <param name="Ended">Scenes that are done, skipped or failed.</param>
/// <param name="Failed">Those of them that failed.</param>
/// <param name="Fraction">Share of the work that is done, unfinished scenes included.</param>
/// <param name="Scene">The scene that this message is about.</param>
/// <param name="SceneFraction">How much of that scene is done.</param>
/// <param name="Outcome">What became of it, when it has just ended.</param>
public sealed record BatchProgress(int Scenes, int Ended, int Failed, double Fraction, string Scene, double SceneFraction, SceneOutcome? Outcome);

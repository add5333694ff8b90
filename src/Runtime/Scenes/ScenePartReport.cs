namespace EoOnnx.Runtime;

/// <summary>What one of several processes has done for a map.</summary>
/// <param name="Map">The map.</param>
/// <param name="Part">Which part, from 1.</param>
/// <param name="Parts">How many parts there are.</param>
/// <param name="FirstRow">The first row of the part.</param>
/// <param name="EndRow">The row behind its last; that of <paramref name="FirstRow"/> when the map was there already.</param>
/// <param name="ResumedRows">Rows of the part that an earlier run had stored.</param>
/// <param name="Missing">Parts that are not complete.</param>
/// <param name="Seconds">From start to end.</param>
/// <param name="Report">The report of the map, when it is in its place; null when parts are missing, or another process puts them together.</param>
public sealed record ScenePartReport(string Map, int Part, int Parts, int FirstRow, int EndRow, int ResumedRows, IReadOnlyList<int> Missing, double Seconds, SceneReport? Report);

namespace EoOnnx.Runtime;

/// <summary>How far a scene is.</summary>
/// <param name="Stage">What is being done: <c>planned</c>, <c>warning</c>, <c>mapping</c>, then <c>finishing</c>.</param>
/// <param name="Tiles">Tiles that are done, those without a valid pixel and those of an earlier run included.</param>
/// <param name="TileCount">All tiles of the plan.</param>
/// <param name="PixelsPerSecond">Scene pixels a second since the start of this run.</param>
/// <param name="Note">What was decided, in the stages <c>planned</c> and <c>warning</c>; empty otherwise.</param>
public readonly record struct SceneProgress(string Stage, long Tiles, long TileCount, double PixelsPerSecond, string Note = "");

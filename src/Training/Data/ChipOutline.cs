namespace EoOnnx.Training.Data;

/// <summary>Where a chip lies on the earth, in degrees on WGS 84.</summary>
/// <param name="Corners">Its four corners, in order around it.</param>
/// <param name="Longitude">Of its centre, east positive.</param>
/// <param name="Latitude">Of its centre, north positive.</param>
public sealed record ChipOutline(IReadOnlyList<(double Longitude, double Latitude)> Corners, double Longitude, double Latitude);

using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Date and place of a scene for the optional inputs of models that take them (Prithvi-EO 2.0 TL).</summary>
internal static class SceneCoordinates
{
    // Names that the export gives them.
    private const string Time = "temporal_coords", Place = "location_coords";

    /// <summary>The inputs that the model has and the scene knows; place is the scene's centre.</summary>
    /// <param name="model">The model.</param>
    /// <param name="dates">One a frame; null where it is not known.</param>
    /// <param name="grid">The scene's grid.</param>
    public static IReadOnlyDictionary<string, TensorData> Of(EoModel model, IReadOnlyList<DateTimeOffset?> dates, RasterGrid grid)
    {
        var inputs = new SortedDictionary<string, TensorData>(StringComparer.Ordinal);
        if (model.OptionalInputs.Any(input => input.Name == Time) && dates.Count > 0 && dates.All(date => date is not null))
        {
            // [1, frames, 2]: year and day of the year, 1 January being day 1 as in the names of HLS files.
            inputs.Add(Time, TensorData.FromValues<float>([1, dates.Count, 2], [.. dates.SelectMany(date => (float[])[date!.Value.UtcDateTime.Year, date.Value.UtcDateTime.DayOfYear])]));
        }

        if (model.OptionalInputs.Any(input => input.Name == Place) && grid is { Projection.Length: > 0, Transform.IsNorthUp: true })
        {
            var bounds = SpatialReference.Transform(grid.Bounds, grid.Projection, SpatialReference.ToWkt("EPSG:4326"));
            inputs.Add(Place, TensorData.FromValues<float>([1, 2], [(float)((bounds.South + bounds.North) / 2), (float)((bounds.West + bounds.East) / 2)]));
        }

        return inputs;
    }
}

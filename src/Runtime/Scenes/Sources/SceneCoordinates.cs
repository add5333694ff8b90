using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>Dates of a scene for the optional input of models that take them (Prithvi-EO 2.0 TL).</summary>
internal static class SceneCoordinates
{
    /// <summary>Name that the export gives to latitude and longitude; they differ from tile to tile, see <see cref="TilePlaces"/>.</summary>
    public const string Place = "location_coords";

    private const string Time = "temporal_coords";

    /// <summary>The inputs that the model has and the scene knows, the same for all its tiles.</summary>
    /// <param name="model">The model.</param>
    /// <param name="dates">One a frame; null where it is not known.</param>
    public static IReadOnlyDictionary<string, TensorData> Of(EoModel model, IReadOnlyList<DateTimeOffset?> dates)
    {
        var inputs = new SortedDictionary<string, TensorData>(StringComparer.Ordinal);
        if (model.OptionalInputs.Any(input => input.Name == Time) && dates.Count > 0 && dates.All(date => date is not null))
        {
            // [1, frames, 2]: year and day of the year, 1 January being day 1 as in the names of HLS files.
            inputs.Add(Time, TensorData.FromValues<float>([1, dates.Count, 2], [.. dates.SelectMany(date => (float[])[date!.Value.UtcDateTime.Year, date.Value.UtcDateTime.DayOfYear])]));
        }

        return inputs;
    }
}

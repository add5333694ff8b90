namespace EoOnnx.Onnx;

/// <summary>What a file for QGIS Deepness says that the model's manifest does not.</summary>
public sealed record DeepnessOptions
{
    /// <summary>Tile edge in pixels for a model that takes any; null takes the manifest's.</summary>
    public int? Tile { get; init => field = value is null or (> 0 and <= 65_536) ? value : throw new ArgumentOutOfRangeException(nameof(Tile), value, $"A tile has 1 to 65536 pixels an edge, not {value}."); }

    /// <summary>Factor from the values of a regression to the bytes of Deepness's result, which holds whole numbers from 0 to 255.</summary>
    public double OutputScaling
    {
        get;
        init => field = value != 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(OutputScaling), value, $"The scaling of the output must be a finite number other than 0; found {value}.");
    } = 1;

    /// <summary>Ground resolution in metres; null takes the manifest's.</summary>
    public double? GroundResolutionMetres
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(GroundResolutionMetres), value, $"A ground resolution is positive; found {value}.");
    }
}

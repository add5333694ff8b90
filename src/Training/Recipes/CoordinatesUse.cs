namespace EoOnnx.Training.Recipes;

/// <summary>Which optional inputs of an encoder the chips fill.</summary>
public enum CoordinatesUse
{
    /// <summary>Neither; the trained model has no such inputs.</summary>
    None,

    /// <summary>Year and day of the year.</summary>
    Time,

    /// <summary>Latitude and longitude.</summary>
    Place,

    /// <summary>Time and place.</summary>
    Both,
}

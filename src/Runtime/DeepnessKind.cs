namespace EoOnnx.Runtime;

/// <summary>The kinds of models of QGIS Deepness that make maps.</summary>
/// <remarks>Source: Deepness 0.6.5, processing/models/model_types.py; its detectors and recognisers give no score for each pixel.</remarks>
public enum DeepnessKind
{
    /// <summary>A class for each pixel, from probabilities.</summary>
    Segmentor,

    /// <summary>A value for each pixel and output.</summary>
    Regressor,

    /// <summary>All channels as values, on a finer grid.</summary>
    Superresolution,
}

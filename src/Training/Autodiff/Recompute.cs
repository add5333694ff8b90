using System.Text.Json.Serialization;

namespace EoOnnx.Training.Autodiff;

/// <summary>How much of the forward pass is computed a second time, during the backward pass, instead of being kept in memory.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Recompute>))]
public enum Recompute
{
    /// <summary>Nothing: every value that a gradient needs stays in memory.</summary>
    Nothing,

    /// <summary>What is cheap for its size: normalised values, softmax probabilities, activations, rearrangements.</summary>
    Cheap,

    /// <summary>Products with weights too, from the nearest value that is kept.</summary>
    Products,
}

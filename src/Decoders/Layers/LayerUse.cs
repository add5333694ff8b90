namespace EoOnnx.Decoders.Layers;

/// <summary>What the layers of a graph are for.</summary>
public enum LayerUse
{
    /// <summary>Prediction with fixed weights: tensors are constants.</summary>
    Fixed,

    /// <summary>Prediction with weights that an adapter replaces: tensors, running statistics too, are inputs with a default.</summary>
    Replaceable,

    /// <summary>Training: as <see cref="Replaceable"/>, but BatchNorm takes the statistics of the batch and gives back the running ones,
    /// and dropout is active.</summary>
    Training,
}

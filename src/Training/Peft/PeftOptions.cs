namespace EoOnnx.Training.Peft;

/// <summary>How an encoder is made trainable: which tensors are added or thawed. Everything else stays frozen.</summary>
public abstract record PeftOptions
{
    private protected PeftOptions()
    {
    }

    /// <summary>Modules whose own tensors are trained in full and saved whole, by path or path ending, for example <c>head</c>.</summary>
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Seed of the random initial values (see <see cref="EoOnnx.Formats.RandomTensors"/>).</summary>
    public long Seed { get; init; }

    /// <summary>Adds or thaws tensors in a graph.</summary>
    internal abstract void Apply(PeftGraph graph);
}

/// <summary>Biases that train beside an adapter.</summary>
public enum BiasTraining
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of the layers that carry an adapter, saved as <c>….base_layer.bias</c>.</summary>
    AdaptedLayers,

    /// <summary>Every tensor of the encoder whose name contains <c>bias</c>.</summary>
    All,
}

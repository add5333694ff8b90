namespace EoOnnx.Runtime;

/// <summary>How many scenes are mapped.</summary>
public sealed record BatchOptions
{
    /// <summary>How each scene goes through the model. An existing map of the same job is kept, unless <see cref="SceneOptions.Overwrite"/> is set.</summary>
    public SceneOptions Scene { get; init; } = new();

    /// <summary>Scenes at a time over the one model. One fills the machine; more pay for small or remote scenes.</summary>
    public int Jobs { get; init => field = value is >= 1 and <= 256 ? value
        : throw new ArgumentOutOfRangeException(nameof(Jobs), value, "The number of scenes at a time (--jobs) must be 1 to 256."); } = 1;

    /// <summary>End at the first scene that fails.</summary>
    public bool FailFast { get; init; }

    /// <summary>
    /// How a model is loaded that several scenes share. A run of ONNX Runtime computes on the caller's thread and on the session's pool of
    /// threads − 1, so n callers and a pool of cores − n keep every core busy once; waiting by spinning would take cores from the others.
    /// </summary>
    public static EoModelOptions ShareModel(EoModelOptions model, int jobs)
    {
        ArgumentNullException.ThrowIfNull(model);
        var threads = model.Threads > 0 ? model.Threads : Environment.ProcessorCount;
        return jobs == 1 ? model : model with { Threads = Math.Max(1, threads - jobs + 1), Spinning = false };
    }

    /// <summary>How each of several scenes at a time is read: their threads together are as many as those of one scene alone.</summary>
    public static SceneOptions ShareReaders(SceneOptions scene, int jobs)
    {
        ArgumentNullException.ThrowIfNull(scene);
        return scene with { Readers = scene.Readers > 0 ? scene.Readers : jobs == 1 ? 0 : Math.Max(1, 4 / jobs) };
    }
}

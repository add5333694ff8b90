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

    /// <summary>Where is noted what happens to each scene; null notes nothing.</summary>
    public BatchJournal? Journal { get; init; }

    /// <summary>
    /// How a model is loaded that several scenes share. A run of ONNX Runtime computes on the caller's thread and on the session's pool of
    /// threads − 1, so n callers and a pool of cores − n keep every core busy once; waiting by spinning would take cores from the others.
    /// </summary>
    public static EoModelOptions ShareModel(EoModelOptions model, int jobs)
    {
        ArgumentNullException.ThrowIfNull(model);
        var threads = model.Threads > 0 ? model.Threads : ProcessorCores.Physical ?? Environment.ProcessorCount;
        return jobs == 1 ? model : model with { Threads = Math.Max(1, threads - jobs + 1), Spinning = false };
    }

    /// <summary>
    /// What each of several scenes at a time may take: the threads that read are together as many as those of one scene alone, and
    /// <see cref="SceneOptions.Memory"/> is shared. Process, model and block cache are there once, the rest is divided.
    /// </summary>
    /// <param name="scene">How one scene alone goes through the model.</param>
    /// <param name="jobs">Scenes at a time.</param>
    /// <param name="processBytes">What the process takes with the model and without buffers of scenes; null takes what it uses now.</param>
    public static SceneOptions Share(SceneOptions scene, int jobs, long? processBytes = null)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentOutOfRangeException.ThrowIfLessThan(jobs, 1);
        return jobs == 1 ? scene : scene with { Readers = scene.Readers > 0 ? scene.Readers : Math.Max(1, 4 / jobs), MemoryShare = new MemoryShare(jobs, processBytes ?? Environment.WorkingSet) };
    }
}

namespace EoOnnx.Training.Peft;

/// <summary>
/// Several methods in one run, for example LoRA, every bias and every normalisation. They are applied from the tokens to the single layers, whatever
/// the order of the list. A layer takes LoRA or IA3 once, and a weight that carries one of them is not trained itself.
/// </summary>
public sealed record CombinedOptions : PeftOptions
{
    /// <summary>The methods; each has its own seed and its own modules to save.</summary>
    public required IReadOnlyList<PeftOptions> Methods
    {
        get;
        init => field = value.Count == 0 ? throw new ArgumentException("A combination needs at least one method.", nameof(Methods))
            : value.OfType<CombinedOptions>().Any() ? throw new ArgumentException("A combination cannot hold another one; list all methods in one.", nameof(Methods))
            : value.GroupBy(method => method.GetType()).FirstOrDefault(group => group.Count() > 1 && group.Key != typeof(LoraOptions) && group.Key != typeof(Ia3Options)) is { } twice
                ? throw new ArgumentException($"{twice.Key.Name} is listed {twice.Count()} times; only LoRA and IA3 can occur more than once, with different targets.", nameof(Methods))
            : value;
    }

    internal override IReadOnlyList<PeftOptions> Parts => [.. Methods.OrderBy(method => method.Stage)];

    internal override void Apply(PeftGraph graph)
    {
        foreach (var part in Parts)
        {
            graph.Seed = part.Seed;
            part.Apply(graph);
            graph.ThawModules(part.ModulesToSave);
        }
    }
}

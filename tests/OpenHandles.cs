namespace EoOnnx.Tests;

/// <summary>Tests that count the open datasets of the process: nothing else may run beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OpenHandles
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "open handles";
}

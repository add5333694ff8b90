namespace EoOnnx.Cli;

/// <summary>A result that is worth showing although not all of the work was done: the exit code says so.</summary>
internal interface IPartialResult
{
    /// <summary>True when the work was cancelled before its end: the exit code is then that of a cancelled verb.</summary>
    bool IsPartial { get; }

    /// <summary>True when a part of the work failed: the exit code is then that of a failed verb.</summary>
    bool HasFailures => false;
}

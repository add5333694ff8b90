namespace EoOnnx.Cli;

/// <summary>A result that is worth showing although the work was cancelled: the exit code is then that of a cancelled verb.</summary>
internal interface IPartialResult
{
    /// <summary>True when the work was cancelled before its end.</summary>
    bool IsPartial { get; }
}

using EoOnnx.Formats;

namespace EoOnnx.Cli;

/// <summary>A command line that the parser accepts and the verb cannot: exit code 2.</summary>
internal sealed class UsageException(string message) : EoOnnxException(message);

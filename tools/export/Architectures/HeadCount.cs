namespace EoOnnx.Export.Architectures;

/// <summary>The number of attention heads, which the shapes of the weights cannot tell.</summary>
internal static class HeadCount
{
    /// <summary>64 channels a head, as in the vision transformers of every usual size.</summary>
    /// <exception cref="ExportException">The width is no multiple of 64.</exception>
    public static int Usual(string source, long width) => width % 64 == 0 ? (int)(width / 64) : throw new ExportException(
        $"{source}: the number of attention heads of a model of width {width} is not known; give it with --heads.");
}

using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>The kinds of device a model can run on.</summary>
public enum DeviceKind
{
    /// <summary>The best that the native library offers.</summary>
    Auto,

    /// <summary>The processor.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}

/// <summary>Where a model runs.</summary>
/// <param name="Kind">The kind of device.</param>
/// <param name="Index">Which one, from 0; only GPUs are numbered.</param>
public readonly record struct Device(DeviceKind Kind, int Index = 0)
{
    /// <summary>CUDA when the native library offers it, else the processor.</summary>
    public static Device Auto => new(DeviceKind.Auto);

    /// <summary>The processor.</summary>
    public static Device Cpu => new(DeviceKind.Cpu);

    /// <summary>An NVIDIA GPU.</summary>
    public static Device Cuda(int index = 0) => new(DeviceKind.Cuda, index);

    /// <summary>Reads <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:n</c>.</summary>
    /// <exception cref="ModelException">The text is none of these.</exception>
    public static Device Parse(string text)
    {
        var parts = text.ToLowerInvariant().Split(':');
        return (parts[0], parts.Length) switch
        {
            ("auto", 1) => Auto,
            ("cpu", 1) => Cpu,
            ("cuda", 1) => Cuda(),
            ("cuda", 2) when int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var index) => Cuda(index),
            _ => throw new ModelException($"'{text}' is no device; expected auto, cpu, cuda or cuda:n."),
        };
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => Kind == DeviceKind.Cuda
        ? string.Create(CultureInfo.InvariantCulture, $"cuda:{Index}")
        : Kind == DeviceKind.Cpu ? "cpu" : "auto";
}

namespace EoOnnx.Runtime;

/// <summary>
/// How many cores this process may use. ONNX Runtime counts those of the machine by asking the processor, which on virtual machines
/// sees half of them and in containers all: the system knows better.
/// </summary>
internal static class ProcessorCores
{
    private const string Processors = "/sys/devices/system/cpu";

    /// <summary>Physical cores; null where the system does not tell.</summary>
    public static int? Physical { get; } = Count(Processors, Environment.ProcessorCount);

    /// <summary>Threads of one operator for ONNX Runtime.</summary>
    /// <param name="asked">What the user asked for; 0 takes the physical cores, or leaves the choice to ONNX Runtime where they are not known.</param>
    public static int ThreadsFor(int asked) => asked > 0 ? asked : Physical ?? 0;

    /// <summary>Distinct sets of processors that share a core, at most as many as the process may use.</summary>
    /// <param name="folder">Linux's list of processors: <c>cpuN/topology/thread_siblings_list</c>.</param>
    /// <param name="allowed">Processors that the process may use, by affinity and by the limit of its container.</param>
    public static int? Count(string folder, int allowed)
    {
        if (!Directory.Exists(folder))
        {
            return null;
        }

        var cores = Directory.GetDirectories(folder, "cpu*").Select(processor => Path.Combine(processor, "topology", "thread_siblings_list")).Where(File.Exists)
            .Select(file => File.ReadAllText(file).Trim()).Distinct(StringComparer.Ordinal).Count();
        return cores == 0 ? null : Math.Clamp(cores, 1, allowed);
    }
}

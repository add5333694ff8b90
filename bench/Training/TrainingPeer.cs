using EoOnnx.Bench.Encoder;

namespace EoOnnx.Bench.Training;

/// <summary>The same training step in TorchSharp, where that can be loaded.</summary>
internal static class TrainingPeer
{
    /// <summary>The peer, or null and the reason in <paramref name="name"/>.</summary>
    public static IPeer? Create(StepSettings settings, int bands, int rank, int classes, out string name)
    {
#if TORCHSHARP
        // TorchSharp's native library needs libstdc++ of GCC 13: Debian 12 has an older one. The rest is measured all the same.
        try
        {
            IPeer peer = TorchTraining.Create(settings.Threads, bands, settings.Tile, settings.Depth, rank, classes);
            name = peer.Name;
            return peer;
        }
        catch (TypeInitializationException failure)
        {
            name = $"NO PEER: TorchSharp cannot be loaded on this system: {failure.InnerException?.Message.Split('\n')[0]}";
            return null;
        }
#else
        name = FormattableString.Invariant($"NO PEER: built without TorchSharp (rank {rank}, {classes} classes, {bands} bands, {settings.Threads} threads were asked for); build with -p:Peer=TorchSharp to compare");
        return null;
#endif
    }
}

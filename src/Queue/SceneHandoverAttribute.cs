using EoOnnx.Raster;
using Hangfire.Common;
using Hangfire.States;

namespace EoOnnx.Queue;

/// <summary>
/// What happens to a scene that meets a second worker. A map that another run is making is no failure: look again in a while, as often as it
/// takes. A scene that leaves worker after worker without an end is given up, lest it brings down all of them for ever.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SceneHandoverAttribute : JobFilterAttribute, IElectStateFilter
{
    /// <summary>Workers that may leave a scene, by a crash or by being told to end, before it is given up.</summary>
    public const int MostHandovers = 20;

    private const string Handovers = "Handovers";
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public void OnStateElection(ElectStateContext context)
    {
        switch (context.CandidateState)
        {
            case FailedState { Exception: MapInUseException }:
                context.CandidateState = new ScheduledState(LookAgain) { Reason = "Another run is making the same map." };
                break;
            case ProcessingState when context.CurrentState == ProcessingState.StateName:
                var count = context.GetJobParameter<int>(Handovers) + 1;
                context.SetJobParameter(Handovers, count);
                if (count > MostHandovers)
                {
                    context.CandidateState = new FailedState(new QueueException(
                        $"{MostHandovers} workers have ended while they mapped this scene; it may need more memory than they have. Map it with 'eoonnx infer' to see why, then put it on the queue again."));
                }

                break;
        }
    }
}

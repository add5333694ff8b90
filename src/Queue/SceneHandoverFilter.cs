using EoOnnx.Raster;
using Hangfire.States;

namespace EoOnnx.Queue;

/// <summary>
/// What happens to a scene that meets a second worker. A map that another run is making is no failure: look again in a while, as often as it
/// takes. A scene that leaves worker after worker without an end is given up, lest it brings down all of them for ever.
/// </summary>
/// <param name="most">Workers that may leave a scene, by a crash or by being told to end, before it is given up.</param>
/// <param name="lookAgain">When to look whether the other run has ended.</param>
internal sealed class SceneHandoverFilter(int most, TimeSpan lookAgain) : IElectStateFilter
{
    private const string Handovers = "Handovers";

    /// <inheritdoc/>
    public void OnStateElection(ElectStateContext context)
    {
        switch (context.CandidateState)
        {
            case FailedState { Exception: MapInUseException }:
                context.CandidateState = new ScheduledState(lookAgain) { Reason = "Another run is making the same map." };
                break;
            case ProcessingState when context.CurrentState == ProcessingState.StateName:
                var count = context.GetJobParameter<int>(Handovers) + 1;
                context.SetJobParameter(Handovers, count);
                if (count > most)
                {
                    context.CandidateState = new FailedState(new QueueException(
                        $"{count} workers have ended while they mapped this scene; it may need more memory than they have. Map it with 'eoonnx infer' to see why, then put it on the queue again."));
                }

                break;
        }
    }
}

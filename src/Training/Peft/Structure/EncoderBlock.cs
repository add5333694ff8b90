using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft.Structure;

/// <summary>The places of a transformer block that adapters are put into: x += proj(softmax(q·k)·v); x += mlp(x).</summary>
internal sealed record EncoderBlock
{
    /// <summary>Path of the block, for example <c>blocks.3</c>.</summary>
    public required string Path { get; init; }

    /// <summary>Path of its attention, for example <c>blocks.3.attn</c>.</summary>
    public required string AttentionPath { get; init; }

    /// <summary>q·k: the second input holds the keys, [batch, heads, head width, tokens].</summary>
    public required Node Scores { get; init; }

    /// <summary>The Add of a mask to the scores; null without one.</summary>
    public required Node? MaskNode { get; init; }

    /// <summary>The attention's weights.</summary>
    public required Node Softmax { get; init; }

    /// <summary>Weights times values; the second input holds the values, [batch, heads, tokens, head width].</summary>
    public required Node Mix { get; init; }

    /// <summary>The linear layer behind the heads.</summary>
    public required LinearLayer Projection { get; init; }

    /// <summary>The Add of the attention branch.</summary>
    public required Node AttentionSum { get; init; }

    /// <summary>Last linear layer of the MLP.</summary>
    public required LinearLayer Contraction { get; init; }

    /// <summary>What the MLP takes: the normalised tokens.</summary>
    public required Value MlpInput { get; init; }

    /// <summary>The Add of the MLP branch, the end of the block.</summary>
    public required Node MlpSum { get; init; }

    /// <summary>Which input of <see cref="AttentionSum"/> is the attention branch.</summary>
    public required int BranchSide { get; init; }

    /// <summary>The tokens that enter the block.</summary>
    public Value Input => AttentionSum.Input(1 - BranchSide);

    /// <summary>The tokens that leave it.</summary>
    public Value Output => MlpSum.Output;

    /// <summary>The mask that is added to the scores.</summary>
    public Value? Mask => MaskNode is null ? null : MaskNode.Input(0) == Scores.Output ? MaskNode.Input(1) : MaskNode.Input(0);

    /// <summary>Width of the tokens.</summary>
    public long Width => Projection.Out;

    /// <summary>Number of heads.</summary>
    public long Heads => Mix.Input(1).KnownShape[1].Value ?? throw new TrainingException($"The number of heads of {Path} is not known.");

    /// <summary>True when attention is over all tokens at once, and not within windows.</summary>
    public bool IsGlobal => Mix.Input(1).Rank == 4 && Scores.Input(1).Rank == 4 && Input.Rank == 3;
}

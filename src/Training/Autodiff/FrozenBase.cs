namespace EoOnnx.Training.Autodiff;

/// <summary>How the forward pass of a training step multiplies with frozen weights.</summary>
public enum FrozenBase
{
    /// <summary>In single precision.</summary>
    Float32,

    /// <summary>In whole numbers of 8 bits: faster, and gradients are off by some per cent. The backward pass, the validation and the adapted model stay in single precision.</summary>
    Int8,
}

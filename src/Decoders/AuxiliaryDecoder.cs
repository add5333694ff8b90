namespace EoOnnx.Decoders;

/// <summary>A second decoder and head on the same features, for training only: its loss is added to the main one (deep supervision).</summary>
/// <param name="Name">Part of the names of its tensors, <c>aux_heads.NAME.…</c>.</param>
/// <param name="Weight">Factor of its loss.</param>
/// <param name="Decoder">Decoder and head; its necks are not used, as it takes what the main decoder takes.</param>
public sealed record AuxiliaryDecoder(string Name, double Weight, Decoder Decoder)
{
    /// <summary>Part of the names of its tensors; letters, digits, _ and -.</summary>
    public string Name { get; init; } = Name.Length is > 0 and <= 100 && Name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-') ? Name
        : throw new ArgumentOutOfRangeException(nameof(Name), Name, "The name of an auxiliary head consists of 1 to 100 letters, digits, _ and -.");

    /// <summary>Factor of its loss; positive.</summary>
    public double Weight { get; init; } = Weight > 0 && double.IsFinite(Weight) ? Weight
        : throw new ArgumentOutOfRangeException(nameof(Weight), Weight, "The weight of an auxiliary loss must be positive; 0.2 to 0.5 is usual.");
}

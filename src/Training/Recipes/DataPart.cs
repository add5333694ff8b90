namespace EoOnnx.Training.Recipes;

/// <summary>A part of a recipe's data.</summary>
public enum DataPart
{
    /// <summary>Every sample.</summary>
    All,

    /// <summary>What is trained on.</summary>
    Training,

    /// <summary>What is held out to choose the best epoch.</summary>
    Validation,

    /// <summary>What is kept for the final test.</summary>
    Test,
}

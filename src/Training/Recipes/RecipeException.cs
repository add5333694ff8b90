using EoOnnx.Formats;

namespace EoOnnx.Training.Recipes;

/// <summary>A recipe that cannot be used; the message starts with file, line and column.</summary>
public sealed class RecipeException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public RecipeException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public RecipeException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public RecipeException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

namespace EoOnnx.Cli;

public class CommandTextTests
{
    [Theory]
    [InlineData("eoonnx infer scene.tif --model m.onnx --out map.tif", "infer", "scene.tif", "--model", "m.onnx", "--out", "map.tif")]
    [InlineData("eoonnx infer 'my scene.tif' --mask 'range:CLD>40'", "infer", "my scene.tif", "--mask", "range:CLD>40")]
    [InlineData(@"eoonnx infer 'it'\''s.tif'", "infer", "it's.tif")]
    [InlineData("eoonnx infer https://host/a.tif", "infer", "https://user:word@host/a.tif?sv=1&sig=secret")]
    [InlineData("eoonnx infer --modality S2L2A=https://host/a.tif", "infer", "--modality", "S2L2A=https://host/a.tif?sig=secret")]
    [InlineData("eoonnx batch scenes --queue postgres://host/maps", "batch", "scenes", "--queue", "postgres://user:word@host/maps?sslpassword=word")]
    public void A_command_is_one_text_for_a_shell_without_signatures_and_passwords(string expected, params string[] words)
    {
        using var output = new StringWriter();
        Assert.Equal(expected, CommandText.Of(Program.CreateRoot(new Terminal(output, output, isInteractive: false)).Parse(words)));
    }
}

using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using EoOnnx.Onnx.Tests.Shapes;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace EoOnnx.Onnx.Tests.IO;

/// <summary>Damages good files at random, by bytes and by meaning: reading ends in a model or in an <see cref="OnnxFormatException"/>.</summary>
public class FuzzTests
{
    private const int Files = 24_000;
    private static readonly long[] Extremes = [-1, 0, 1, 2, 7, 65, int.MaxValue, int.MinValue, 1L << 32, 1L << 60, long.MaxValue, long.MinValue];

    [Fact]
    public void Damaged_files_end_in_a_format_error_or_a_model_within_bounded_memory()
    {
        var seeds = Seeds().Select(model => model.ToBytes()).ToArray();
        var outcomes = new int[2];
        Parallel.For(0, Files, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
        {
            var bytes = Damage(seeds, new Random(i));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var model = OnnxModel.Parse(bytes, Path.GetTempPath());
                _ = OnnxValidator.Check(model);
                _ = model.Clone().ToBytes();
                Interlocked.Increment(ref outcomes[0]);
            }
            catch (OnnxFormatException)
            {
                Interlocked.Increment(ref outcomes[1]);
            }
            catch (Exception other)
            {
                Assert.Fail($"File {i}: {other}");
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        });

        // Both must happen often, or the damage would be too strong or too weak to prove anything.
        Assert.InRange(outcomes[0], Files / 20, Files);
        Assert.InRange(outcomes[1], Files / 5, Files);
    }

    private static byte[] Damage(byte[][] seeds, Random random)
    {
        var bytes = (byte[])seeds[random.Next(seeds.Length)].Clone();
        for (var rounds = 1 + random.Next(3); rounds > 0; rounds--)
        {
            bytes = random.Next(8) switch
            {
                0 => bytes[..random.Next(bytes.Length)],
                1 => Flip(bytes, random),
                2 => Splice(bytes, seeds[random.Next(seeds.Length)], random),
                3 => Overlong(bytes, random),
                4 => [.. bytes, .. bytes[random.Next(bytes.Length)..]],
                _ => DamageMeaning(bytes, random),
            };
            if (bytes.Length == 0)
            {
                break;
            }
        }

        return bytes;
    }

    private static byte[] Flip(byte[] bytes, Random random)
    {
        for (var flips = random.Next(1, 8); flips > 0; flips--)
        {
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        }

        return bytes;
    }

    private static byte[] Splice(byte[] bytes, byte[] other, Random random)
    {
        var (at, from) = (random.Next(bytes.Length), random.Next(other.Length));
        return [.. bytes[..at], .. other.AsSpan(from, random.Next(Math.Min(200, other.Length - from))), .. bytes[random.Next(at, bytes.Length)..]];
    }

    /// <summary>A huge or endless number where a length or a value was.</summary>
    private static byte[] Overlong(byte[] bytes, Random random)
    {
        var at = random.Next(bytes.Length);
        byte[] number = [.. Enumerable.Repeat((byte)0xFF, random.Next(1, 11)), (byte)random.Next(128)];
        return [.. bytes[..at], .. number, .. bytes[Math.Min(bytes.Length, at + random.Next(1, 4))..]];
    }

    /// <summary>A well-formed message in which some numbers, names and lists are not what they were.</summary>
    private static byte[] DamageMeaning(byte[] bytes, Random random)
    {
        ModelProto model;
        try
        {
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return Flip(bytes, random);
        }

        var messages = new List<IMessage>();
        Collect(model, messages);
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var message = messages[random.Next(messages.Count)];
            var fields = message.Descriptor.Fields.InDeclarationOrder();
            Change(message, fields[random.Next(fields.Count)], messages, random);
        }

        return model.ToByteArray();
    }

    private static void Change(IMessage message, FieldDescriptor field, List<IMessage> messages, Random random)
    {
        if (field.IsRepeated)
        {
            var list = (System.Collections.IList)field.Accessor.GetValue(message);
            switch (random.Next(3))
            {
                case 0 when list.Count > 0:
                    list.RemoveAt(random.Next(list.Count));
                    break;
                case 1 when list.Count > 0:
                    list.Add(list[random.Next(list.Count)]);
                    break;
                default:
                    if (Scalar(field, messages, random) is { } value)
                    {
                        list.Insert(random.Next(list.Count + 1), value);
                    }

                    break;
            }
        }
        else if (random.Next(4) == 0)
        {
            field.Accessor.Clear(message);
        }
        else if (Scalar(field, messages, random) is { } value)
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private static object? Scalar(FieldDescriptor field, List<IMessage> messages, Random random)
    {
        var extreme = Extremes[random.Next(Extremes.Length)];
        return field.FieldType switch
        {
            FieldType.Int64 => extreme,
            FieldType.UInt64 => (ulong)extreme,
            FieldType.Int32 => (int)extreme,
            FieldType.Float => BitConverter.Int32BitsToSingle((int)extreme),
            FieldType.Double => BitConverter.Int64BitsToDouble(extreme),
            FieldType.Enum => (int)(extreme & 31),
            FieldType.Bytes => ByteString.CopyFrom(new byte[random.Next(40)]),
            FieldType.String => messages.OfType<NodeProto>().SelectMany(node => node.Input.Concat(node.Output).Append(node.OpType)).ElementAtOrDefault(random.Next(40)) ?? "",
            FieldType.Message => messages.Where(message => message.Descriptor == field.MessageType).ElementAtOrDefault(random.Next(10)) is { } other
                ? other.Descriptor.Parser.ParseFrom(other.ToByteArray()) // a copy, or the message could come to contain itself
                : null,
            _ => null,
        };
    }

    private static void Collect(IMessage message, List<IMessage> messages)
    {
        messages.Add(message);
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder().Where(field => field.FieldType == FieldType.Message))
        {
            if (field.IsRepeated)
            {
                foreach (var item in ((System.Collections.IList)field.Accessor.GetValue(message)).Cast<IMessage>())
                {
                    Collect(item, messages);
                }
            }
            else if (field.Accessor.GetValue(message) is IMessage one)
            {
                Collect(one, messages);
            }
        }
    }

    /// <summary>A small transformer, a small convolutional net, and one node of every operator that has a shape rule.</summary>
    private static IEnumerable<OnnxModel> Seeds()
    {
        var op = new GraphBuilder("transformer");
        var x = op.Input("image", ElementType.Float, ["batch", 2, 8]);
        var weight = op.Initializer("w", TensorData.FromValues<float>([8, 8], [.. Enumerable.Range(0, 64).Select(i => MathF.Sin(i))]));
        var lora = op.OverridableInput("a", TensorData.FromValues<float>([8], new float[8]));
        op.Output(op.Softmax(op.Reshape(op.Add(op.MatMul(x, weight), lora), 0, 16)), "y");
        var model = new OnnxModel(op.Graph);
        model.Metadata["one"] = "two";
        yield return model;

        op = new GraphBuilder("convolutions");
        x = op.Input("x", ElementType.Float, ["n", 3, 8, 8]);
        var map = op.Relu(op.Conv(x, op.Initializer("kernel", TensorData.FromValues<float>([4, 3, 3, 3], new float[108])), null, [1, 1], [1, 1, 1, 1]));
        var size = op.Concat(0, op.Slice(op.Shape(map), 0, 2, 4), op.Int64s(3));
        op.Output(op.Resize(op.Concat(1, map, op.Mul(map, op.GlobalAveragePool(map))), op.Slice(size, 0, 0, 2), "linear"), "y");
        yield return new OnnxModel(op.Graph);

        foreach (var @case in ShapeCases.All.DistinctBy(@case => @case.Op))
        {
            yield return @case.Build(symbolic: false).Model;
        }
    }
}

using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Tests.Autodiff;

public class VjpRuleTests
{
    [Theory, MemberData(nameof(VjpCases.All), MemberType = typeof(VjpCases), DisableDiscoveryEnumeration = true)]
    public void Backward_graph_agrees_with_central_differences(VjpCase @case) => GradientCheck.Run(@case);

    [Theory, MemberData(nameof(VjpCases.InSinglePrecision), MemberType = typeof(VjpCases), DisableDiscoveryEnumeration = true)]
    public void Only_what_ONNX_Runtime_lacks_in_double_is_checked_in_float_alone(VjpCase @case) => Assert.Equal(VjpCases.HasDouble(@case), GradientCheck.HasDoubleKernels(@case));

    [Fact]
    public void Every_rule_has_a_case() => Assert.Empty(VjpTable.Ops.Except(VjpCases.Ops));
}

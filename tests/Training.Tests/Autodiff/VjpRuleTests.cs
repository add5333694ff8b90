using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Tests.Autodiff;

public class VjpRuleTests
{
    [Theory, MemberData(nameof(VjpCases.All), MemberType = typeof(VjpCases), DisableDiscoveryEnumeration = true)]
    public void Backward_graph_agrees_with_central_differences(VjpCase @case) => GradientCheck.Run(@case);

    [Theory, MemberData(nameof(VjpCases.WithReference), MemberType = typeof(VjpCases), DisableDiscoveryEnumeration = true)]
    public void Backward_graph_in_float_agrees_element_by_element_with_differences_of_a_reference_in_double(VjpCase @case) => GradientCheck.RunReference(@case);

    [Theory, MemberData(nameof(VjpCases.InSinglePrecision), MemberType = typeof(VjpCases), DisableDiscoveryEnumeration = true)]
    public void Only_what_ONNX_Runtime_lacks_in_double_has_a_reference_of_its_own(VjpCase @case) => Assert.Equal(VjpCases.HasDouble(@case), GradientCheck.HasDoubleKernels(@case));

    [Fact]
    public void Every_rule_has_a_case() => Assert.Empty(VjpTable.Ops.Except(VjpCases.Ops));

    [Fact]
    public void Every_rule_is_compared_with_differences_in_double() => Assert.Empty(VjpTable.Ops.Except(VjpCases.OpsInDouble));
}
